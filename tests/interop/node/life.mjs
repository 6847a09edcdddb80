// The life of a function, by the SDK for JavaScript. Prints what the server answered as one JSON object.
//
//     node life.mjs PACKAGE.zip RUNTIME HANDLER
//
// Endpoint, region and keys come from the environment.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.env.LPG_TEST_MODULES + '/');
const lambda = require('@aws-sdk/client-lambda');
const [zip, runtime, handler] = process.argv.slice(2);
const client = new lambda.LambdaClient({ maxAttempts: 1 });
const FunctionName = 'life';
const send = (name, input = {}) => client.send(new lambda[name + 'Command']({ FunctionName, ...input }));
const text = (bytes) => Buffer.from(bytes ?? []).toString();
const ready = (waiter) => lambda[waiter]({ client, maxWaitTime: 100, minDelay: 1 }, { FunctionName });

async function refused(promise) {
  try {
    await promise;
    return 'accepted';
  } catch (error) {
    return `${error.name} ${error.$metadata?.httpStatusCode}`;
  }
}

const seen = {};
const made = await send('CreateFunction', {
  Runtime: runtime, Handler: handler, Role: 'arn:aws:iam::000000000000:role/any', MemorySize: 256, Timeout: 20,
  Code: { ZipFile: readFileSync(zip) }, Tags: { team: 'ä b' }, Environment: { Variables: { COLOUR: 'red' } },
});
seen.created = [made.$metadata.httpStatusCode, made.FunctionArn, made.MemorySize];
await ready('waitUntilFunctionActiveV2');

const call = await send('Invoke', { Payload: JSON.stringify({ n: 1 }), LogType: 'Tail' });
seen.answer = JSON.parse(text(call.Payload));
seen.status = [call.StatusCode, call.ExecutedVersion, call.FunctionError ?? null];
seen.report = /REPORT RequestId: (\S+)/.exec(Buffer.from(call.LogResult, 'base64').toString())[1] === call.$metadata.requestId;

const failed = await send('Invoke', { Payload: JSON.stringify({ fail: 'no' }) });
seen.failed = [failed.StatusCode, failed.FunctionError, JSON.parse(text(failed.Payload)).errorMessage];

const event = await send('Invoke', { InvocationType: 'Event', Payload: '{}' });
const dry = await send('Invoke', { InvocationType: 'DryRun' });
seen.kinds = [event.StatusCode, dry.StatusCode];

await send('UpdateFunctionConfiguration', { MemorySize: 512, Environment: { Variables: { COLOUR: 'blue' } } });
await ready('waitUntilFunctionUpdatedV2');
await send('UpdateFunctionCode', { ZipFile: readFileSync(zip) });
await ready('waitUntilFunctionUpdatedV2');
const version = await send('PublishVersion', { Description: 'one' });
seen.version = [version.Version, version.MemorySize];
await ready('waitUntilPublishedVersionActive');
await send('CreateAlias', { Name: 'live', FunctionVersion: version.Version });
const live = await send('Invoke', { Qualifier: 'live', Payload: '{}' });
seen.live = [live.ExecutedVersion, JSON.parse(text(live.Payload)).colour];

await send('PutFunctionConcurrency', { ReservedConcurrentExecutions: 3 });
const got = await send('GetFunction');
seen.got = [got.Configuration.FunctionName, got.Concurrency.ReservedConcurrentExecutions, got.Tags.team];
const listed = await client.send(new lambda.ListFunctionsCommand({}));
seen.listed = listed.Functions.map((f) => f.FunctionName);

if (lambda.InvokeWithResponseStreamCommand) {
  const stream = await send('InvokeWithResponseStream', { Payload: JSON.stringify({ n: 2 }) });
  const chunks = [];
  for await (const part of stream.EventStream) {
    if (part.PayloadChunk) chunks.push(text(part.PayloadChunk.Payload));
    if (part.InvokeComplete) seen.stream_error = part.InvokeComplete.ErrorCode ?? null;
  }
  seen.streamed = JSON.parse(chunks.join('')).n;
}

seen.unknown = await refused(send('Invoke', { FunctionName: 'nobody' }));
seen.twice = await refused(send('CreateFunction', {
  Runtime: runtime, Handler: handler, Role: 'arn:aws:iam::000000000000:role/any', Code: { ZipFile: readFileSync(zip) },
}));
const liar = new lambda.LambdaClient({
  maxAttempts: 1, credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: 'not the secret' },
});
seen.forged = await refused(liar.send(new lambda.GetFunctionCommand({ FunctionName })));

await send('DeleteFunction');
seen.gone = await refused(send('GetFunction'));
console.log(JSON.stringify(seen));
