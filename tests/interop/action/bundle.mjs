// Puts lint.mjs and what it imports into one file: Node.js 20 cannot import the parser's JSON files as they are.
import { build } from "esbuild";

await build({
  entryPoints: ["lint.mjs"],
  outfile: "lint.bundle.mjs",
  bundle: true,
  format: "esm",
  platform: "node",
  banner: { js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);' },
});
