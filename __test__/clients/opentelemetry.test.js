// OpenTelemetry's API and SDK over the tracing channels, by the code that docs/amqplib.md shows.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const amqplib = require('../../lib/amqplib');
const { createBroker } = require('../../lib/broker');
const { ensurePackages } = require('../../scripts/setup/packages');

const hooks = path.join(__dirname, 'programs', 'opentelemetry-hooks.js');

let api;
let exporter;
let broker;

before(async () => {
  await ensurePackages(path.join('__test__', 'clients'));
  api = require('@opentelemetry/api');
  const { W3CTraceContextPropagator } = require('@opentelemetry/core');
  const sdk = require('@opentelemetry/sdk-trace-base');
  const { ContextManager, instrument } = require(hooks);
  exporter = new sdk.InMemorySpanExporter();
  const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
  const contextManager = new ContextManager();
  api.context.setGlobalContextManager(contextManager);
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  api.trace.setGlobalTracerProvider(provider);
  instrument(contextManager);
  broker = await createBroker({ port: 0 });
});

after(() => broker?.close());

test('the page for users shows this code', () => {
  const page = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'amqplib.md'), 'utf8');
  assert.ok(page.includes(`\`\`\`js\n${fs.readFileSync(hooks, 'utf8')}\`\`\``));
});

test('producer and consumer spans of a message are one trace', async (t) => {
  const { SpanKind } = api;
  const connection = await amqplib.connect(broker.url);
  t.after(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const tracer = api.trace.getTracer('test');
  const consumed = new Promise((resolve) => {
    channel.consume(
      queue,
      async (message) => {
        await new Promise(setImmediate);
        // Still the consumer's context, behind an await.
        tracer.startSpan('work').end();
        resolve(message);
      },
      { noAck: true },
    );
  });
  const publishing = tracer.startActiveSpan('job', async (job) => {
    await channel.publishConfirmed('', queue, Buffer.from('x'), { headers: { mine: 1 } });
    job.end();
  });
  const { properties } = await consumed;
  await publishing;
  await new Promise(setImmediate);

  const spans = Object.fromEntries(exporter.getFinishedSpans().map((span) => [span.name, span]));
  const [job, sent, processed, work] = ['job', `send ${queue}`, `process ${queue}`, 'work'].map(
    (name) => spans[name],
  );
  assert.equal(sent.kind, SpanKind.PRODUCER);
  assert.equal(processed.kind, SpanKind.CONSUMER);
  const { traceId } = job.spanContext();
  for (const span of [sent, processed, work]) assert.equal(span.spanContext().traceId, traceId);
  const parent = (span) => span.parentSpanContext.spanId;
  assert.equal(parent(sent), job.spanContext().spanId);
  assert.equal(parent(processed), sent.spanContext().spanId);
  assert.equal(parent(work), processed.spanContext().spanId);
  assert.equal(properties.headers.mine, 1);
  assert.match(properties.headers.traceparent, new RegExp(`^00-${traceId}-${sent.spanContext().spanId}-01$`));
});

test('a request and its reply are one trace through both sides', async (t) => {
  exporter.reset();
  const connection = await amqplib.connect(broker.url);
  t.after(() => connection.close());
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.respond(queue, ({ content }) => content);
  await channel.request('', queue, Buffer.from('x'));
  await new Promise(setImmediate);
  const spans = exporter.getFinishedSpans();
  assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
  assert.deepEqual(
    spans.map(({ kind }) => kind).sort(),
    [api.SpanKind.PRODUCER, api.SpanKind.PRODUCER, api.SpanKind.CONSUMER, api.SpanKind.CONSUMER].sort(),
  );
});

test('what fails is in its span', async (t) => {
  exporter.reset();
  const connection = await amqplib.connect(broker.url);
  t.after(() => connection.close());
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  await assert.rejects(channel.publishConfirmed('no.such.exchange', '', Buffer.from('x')));
  const [span] = exporter.getFinishedSpans();
  assert.deepEqual(span.status, { code: api.SpanStatusCode.ERROR, message: 'channel closed' });
});
