// The runtime loop for Node.js functions, used where the official client is not installed.
//
// Start it as `node node.mjs` with the environment of a Lambda runtime: _HANDLER, LAMBDA_TASK_ROOT
// and AWS_LAMBDA_RUNTIME_API, and the AWS_LAMBDA_* names that the context object shows. It loads
// the handler, then answers invocations until the Runtime API closes the connection. Errors, log
// lines and the context object are those of aws-lambda-ric, with two limits: no response
// streaming, no X-Ray error cause.
//
// All that happens before the first /invocation/next is Init Duration: `net` is part of Node's own
// start, `http` is not, so this file speaks HTTP/1.1 itself.
//
// Works with Node.js 18 and later.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

const API = '/2018-06-01/runtime/';
const HEAD_MAX = 1 << 20; // the client context travels in a header
const EXIT_UNSETTLED = 13; // Node's own code for a module whose top-level await never ends
const EXIT_REJECTION = 128;
const EXIT_EXCEPTION = 129;
const HEAD_END = Buffer.from('\r\n\r\n');

// ------------------------------------------------------------------------------------------------
// Errors

/** An error of the runtime itself, named as Lambda names it. */
class Fault extends Error {
  constructor(kind, message, stack) {
    super(message);
    this.name = `Runtime.${kind}`;
    this.stack = stack ?? this.stack.replace(/^Error/, this.name);
  }
}

class ApiClosed extends Error {}

function isErrorLike(value) {
  return util.types.isNativeError(value) ||
    ['name', 'message', 'stack'].every((key) => value?.[key] && typeof value[key] === 'string');
}

/** The error document of anything that was thrown; never throws itself. */
function errorDocument(thrown) {
  try {
    if (isErrorLike(thrown)) {
      return {
        errorType: String(thrown.name),
        errorMessage: String(thrown.message),
        trace: String(thrown.stack).split('\n'),
      };
    }
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'the error has no readable message', trace: [] };
  }
}

// ------------------------------------------------------------------------------------------------
// Output and logging

const LEVELS = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
let requestId; // of the current invocation; Lambda prints "undefined" before the first

/** Writes the whole text to the log before it returns. */
function writeLog(text) {
  let data = Buffer.from(text);
  while (data.length > 0) {
    try {
      data = data.subarray(fs.writeSync(1, data));
    } catch (error) {
      if (error.code !== 'EAGAIN') {
        return; // the function closed its stdout; there is nowhere left to say so
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // the pipe is full
    }
  }
}

/** Makes writes of the function to process.stdout and process.stderr leave before the response. */
function blockingStream(name) {
  const { get } = Object.getOwnPropertyDescriptor(process, name);
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      const stream = get.call(process);
      stream._handle?.setBlocking?.(true);
      Object.defineProperty(process, name, { get: () => stream });
      return stream;
    },
  });
}

function loggedFields(error) {
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack,
  };
}

function jsonLine(level, params) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (params.length === 1) {
    const expand = (_, value) =>
      (value instanceof Error ? { ...loggedFields(value), ...value } : value);
    try {
      return JSON.stringify({ ...line, message: params[0] }, expand);
    } catch {
      return JSON.stringify({ ...line, message: util.format(params[0]) });
    }
  }
  line.message = util.format(...params);
  const error = params.find((param) => param instanceof Error);
  return JSON.stringify(error ? { ...line, ...loggedFields(error) } : line);
}

function textLine(level, params) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...params)}`;
}

const jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';

function patchConsole() {
  const format = jsonLogs ? jsonLine : textLine;
  const lowest = LEVELS[process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()] ?? LEVELS.TRACE;
  for (const [level, priority] of Object.entries(LEVELS)) {
    const print = (...params) => writeLog(`${format(level, params)}\n`);
    console[level.toLowerCase()] = priority >= lowest ? print : () => {};
  }
  console.log = console.info;
}

function logError(title, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(errorDocument(thrown).errorMessage);
  if (jsonLogs) {
    console.error(error);
    return;
  }
  const expand = (_, value) => (value instanceof Error
    ? {
      errorType: value.name,
      errorMessage: value.message,
      code: value.code,
      ...value,
      stack: String(value.stack).split('\n'),
    }
    : value);
  let text;
  try {
    text = JSON.stringify(error, expand);
  } catch {
    text = JSON.stringify(errorDocument(error));
  }
  console.error(title, `\t${text}`);
}

// ------------------------------------------------------------------------------------------------
// Runtime API

/** One keep-alive HTTP/1.1 connection, one request at a time. Nothing is ever sent twice. */
class Api {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.host = address;
    this.target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    this.socket = null;
    this.waiting = null; // { resolve, reject } of the request under way
    this.reset();
  }

  reset() {
    this.parts = [];
    this.size = 0;
    this.head = null; // { status, headers, length } once it is complete
  }

  /** Waits for an invocation; resolves to its headers (lower-case names) and its body. */
  async next() {
    const reply = await this.call('GET', 'invocation/next');
    if (reply.status !== 200) {
      throw new ApiClosed(`next answered ${reply.status}`);
    }
    return reply;
  }

  async respond(id, text) {
    const headers = { 'Content-Type': 'application/json' };
    const { status } = await this.call('POST', `invocation/${id}/response`, text, headers);
    if (status >= 300) {
      writeLog('LAMBDA_RUNTIME Failed to post handler success response. ' +
        `Http response code: ${status}.\n`);
    }
  }

  fail(id, thrown) {
    return this.postError(`invocation/${id}/error`, thrown);
  }

  failInit(thrown) {
    return this.postError('init/error', thrown);
  }

  postError(where, thrown) {
    const document = errorDocument(thrown);
    return this.call('POST', where, JSON.stringify(document), {
      'Content-Type': 'application/json',
      'Lambda-Runtime-Function-Error-Type': document.errorType.replace(/[^\x20-\x7e]/g, '?'),
    });
  }

  /** The socket keeps the process alive only while a request is under way (see Invocation). */
  call(method, where, text = '', headers = {}) {
    const body = Buffer.from(text);
    const lines = [`${method} ${API}${where} HTTP/1.1`, `Host: ${this.host}`];
    if (method === 'POST') {
      lines.push(`Content-Length: ${body.length}`);
    }
    for (const [name, value] of Object.entries(headers)) {
      lines.push(`${name}: ${value}`);
    }
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.connect();
      this.socket.ref();
      this.socket.cork();
      this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      if (body.length > 0) {
        this.socket.write(body);
      }
      this.socket.uncork();
    });
  }

  connect() {
    if (this.socket !== null) {
      return;
    }
    const socket = net.connect({ ...this.target, noDelay: true });
    const closed = () => {
      if (this.socket === socket) {
        this.socket = null;
        this.waiting?.reject(new ApiClosed('no reply'));
      }
    };
    socket.on('data', (data) => this.receive(data));
    socket.on('end', closed);
    socket.on('error', closed);
    socket.on('close', closed);
    this.socket = socket;
  }

  receive(data) {
    this.parts.push(data);
    this.size += data.length;
    if (this.head === null) {
      this.parseHead();
    }
    if (this.head !== null && this.size >= this.head.length) {
      this.finish();
    }
  }

  parseHead() {
    const data = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
    const end = data.indexOf(HEAD_END);
    if (end < 0) {
      this.parts = [data];
      if (this.size > HEAD_MAX) {
        this.socket.destroy();
      }
      return;
    }
    const [start, ...lines] = data.toString('utf8', 0, end).split('\r\n');
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
    }
    const status = Number(start.split(' ')[1]);
    const length = Number(headers['content-length'] ?? 0);
    const rest = data.subarray(end + HEAD_END.length);
    this.head = { status, headers, length };
    this.parts = [rest];
    this.size = rest.length;
  }

  finish() {
    const { status, headers, length } = this.head;
    const body = Buffer.concat(this.parts, length);
    const { resolve } = this.waiting;
    this.waiting = null;
    this.reset();
    this.socket.unref();
    if (headers.connection?.toLowerCase() === 'close') {
      const socket = this.socket;
      this.socket = null;
      socket.destroy();
    }
    resolve({ status, headers, body });
  }
}

// ------------------------------------------------------------------------------------------------
// Loading the handler

function packageIsModule(folder) {
  for (let at = folder; !at.endsWith('/node_modules'); at = path.dirname(at)) {
    const file = path.join(at, 'package.json');
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (at === path.dirname(at)) {
      break;
    }
  }
  return false;
}

/** Loads the file that `base` names without its extension, in the order that Lambda tries them. */
async function loadModule(root, folder, name) {
  const require = createRequire(path.join(root, 'noop.js'));
  const base = path.resolve(root, folder, name);
  const esm = packageIsModule(path.dirname(base));
  const typescript = Number(process.versions.node.split('.')[0]) >= 24;
  const tries = [['', false], ['.js', esm], ['.mjs', true], ['.cjs', false]];
  if (typescript) {
    tries.push(['.ts', esm], ['.mts', true], ['.cts', false]);
  }
  for (const [extension, imported] of tries) {
    const file = base + extension;
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
      return imported ? import(pathToFileURL(file).href) : require(file);
    }
  }
  return require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
}

function splitHandler(text) {
  if (text.includes('..')) {
    throw new Fault('MalformedHandlerName', `'${text}' is not a valid handler name.`);
  }
  const file = path.basename(text);
  const match = /^([^.]*)\.(.*)$/.exec(file);
  if (match === null) {
    throw new Fault('MalformedHandlerName', 'Bad handler');
  }
  return { folder: text.slice(0, text.length - file.length), name: match[1], property: match[2] };
}

async function loadHandler(root, text) {
  const { folder, name, property } = splitHandler(text);
  let loaded;
  try {
    loaded = await loadModule(root, folder, name);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Fault('UserCodeSyntaxError', String(error), error.stack);
    }
    if (error?.code === 'MODULE_NOT_FOUND') {
      throw new Fault('ImportModuleError', String(error));
    }
    throw error;
  }
  const handler = property.split('.').reduce((object, key) => object?.[key], loaded);
  if (!handler) {
    throw new Fault('HandlerNotFound', `${text} is undefined or not exported`);
  }
  if (typeof handler !== 'function') {
    throw new Fault('HandlerNotFound', `${text} is not a function`);
  }
  return handler;
}

/** Callbacks and context.done() ended with nodejs24.x: the declared one, not the Node at hand. */
function promisesOnly() {
  const declared = /nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '')?.[1];
  return Number(declared ?? process.versions.node.split('.')[0]) >= 24;
}

// ------------------------------------------------------------------------------------------------
// Invocations

function headerJson(headers, name, title) {
  const text = headers[name];
  try {
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    throw new Error(`Cannot parse ${title} as json: ${error}`);
  }
}

function contextData(headers) {
  const { env } = process;
  const deadline = Number(headers['lambda-runtime-deadline-ms'] ?? 0);
  return {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: headerJson(headers, 'lambda-runtime-client-context', 'ClientContext'),
    identity: headerJson(headers, 'lambda-runtime-cognito-identity', 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function serialize(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? 'null';
  } catch {
    throw new Error('Unable to stringify response body');
  }
}

/**
 * One invocation, from the event to the posted response. `settled` resolves once it is posted.
 *
 * A callback handler is done when its event loop is empty, which Node tells with 'beforeExit'. That
 * works because the API's socket does not count as work while the handler runs.
 */
class Invocation {
  constructor(api, { headers, body }) {
    this.api = api;
    this.headers = headers;
    this.body = body;
    this.id = headers['lambda-runtime-aws-request-id'];
    this.settled = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.abandon = reject;
    });
    this.decided = false;
    this.waitForEmptyLoop = true;
    this.onIdle = null;
  }

  /** Only the first outcome counts. */
  decide(action) {
    if (!this.decided) {
      this.decided = true;
      this.onIdle = null;
      action();
    }
  }

  succeed(result) {
    this.decide(() => this.postResult(result));
  }

  fail(error) {
    this.decide(() => this.postFailure(error));
  }

  postResult(result) {
    let text;
    try {
      text = serialize(result);
    } catch (error) {
      this.postFailure(error);
      return;
    }
    this.api.respond(this.id, text).then(this.settle, this.abandon);
  }

  postFailure(error) {
    logError('Invoke Error', error);
    this.api.fail(this.id, error).then(this.settle, this.abandon);
  }

  /** The third argument of a handler: the result waits until the handler's event loop is empty. */
  callback(error, result) {
    if (error !== undefined && error !== null) {
      this.fail(error);
    } else if (!this.waitForEmptyLoop) {
      this.succeed(result);
    } else {
      this.decide(() => {
        this.onIdle = () => this.postResult(result);
      });
    }
  }

  /** What an empty event loop means before the handler gave a result. */
  idleWithoutResult(isAsync) {
    if (isAsync) {
      this.fail(new Fault('NodeJsExit', 'The event loop ran empty before the promise settled.'));
    } else {
      this.succeed(null);
    }
  }

  callbackContext() {
    const invocation = this;
    const done = (error, result) => {
      if (error !== undefined && error !== null) {
        invocation.fail(error);
      } else {
        invocation.succeed(result);
      }
    };
    return {
      get callbackWaitsForEmptyEventLoop() {
        return invocation.waitForEmptyLoop;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        invocation.waitForEmptyLoop = value;
      },
      succeed: (result) => done(null, result),
      fail: (error) => done(error ?? 'handled'),
      done,
    };
  }

  run(handler, modern) {
    const isAsync = modern || handler.constructor?.name === 'AsyncFunction';
    this.onIdle = () => this.idleWithoutResult(isAsync);
    try {
      const base = modern ? { callbackWaitsForEmptyEventLoop: true } : this.callbackContext();
      const context = Object.assign(base, contextData(this.headers));
      const event = JSON.parse(this.body.toString());
      const callback = modern ? undefined : (error, result) => this.callback(error, result);
      const result = handler(event, context, callback);
      if (typeof result?.then === 'function') {
        result.then((value) => this.succeed(value), (error) => this.fail(error ?? 'handled'));
      } else if (modern) {
        this.succeed(result);
      }
    } catch (error) {
      this.fail(error ?? 'handled');
    }
    return this.settled;
  }
}

// ------------------------------------------------------------------------------------------------
// The loop

function setTraceId(value) {
  if (value) {
    process.env._X_AMZN_TRACE_ID = value;
  } else {
    delete process.env._X_AMZN_TRACE_ID;
  }
}

const api = new Api(process.env.AWS_LAMBDA_RUNTIME_API);
let current = null; // the invocation under way
let dying = false;

/** Reports what nothing caught, then ends the process, as Lambda does. */
function die(title, error, code) {
  if (dying) {
    return;
  }
  if (error instanceof ApiClosed) {
    process.exit(0);
  }
  dying = true;
  logError(title, error);
  const exit = () => process.exit(code);
  if (current !== null && current.decided && current.onIdle === null) {
    current.settled.then(exit, exit); // its outcome is on its way, and there can be only one
    return;
  }
  const reporter = new Api(process.env.AWS_LAMBDA_RUNTIME_API); // `api` may be waiting for an event
  const posted = current === null ? reporter.failInit(error) : reporter.fail(current.id, error);
  current?.decide(() => {});
  posted.then(exit, exit);
}

async function main() {
  const root = process.env.LAMBDA_TASK_ROOT || process.cwd();
  const handler = await loadHandler(root, process.env._HANDLER ?? '');
  const modern = promisesOnly();
  if (modern && handler.length >= 3) {
    throw new Fault('CallbackHandlerDeprecated',
      'Callback handlers ended with nodejs24.x: return a promise, or use an async function.');
  }
  await new Promise(setImmediate); // a promise that the module left rejected is an init error
  while (!dying) {
    const reply = await api.next();
    current = new Invocation(api, reply);
    requestId = current.id;
    setTraceId(reply.headers['lambda-runtime-trace-id']);
    await current.run(handler, modern);
  }
}

patchConsole();
blockingStream('stdout');
blockingStream('stderr');
process.on('beforeExit', () => {
  const onIdle = current?.onIdle;
  if (onIdle) {
    current.onIdle = null;
    onIdle();
  } else {
    process.exitCode = EXIT_UNSETTLED;
  }
});
process.on('uncaughtException', (error) => die('Uncaught Exception', error, EXIT_EXCEPTION));
process.on('unhandledRejection', (reason) => {
  const isError = reason instanceof Error;
  const message = isError ? String(reason) : errorDocument(reason).errorMessage;
  const fault = new Fault('UnhandledPromiseRejection', message, isError ? reason.stack : undefined);
  die('Unhandled Promise Rejection', fault, EXIT_REJECTION);
});
main().catch((error) => die('Uncaught Exception', error, EXIT_EXCEPTION));
