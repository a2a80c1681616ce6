// Messages of each codec, typed by the program or by default.

import net = require('oxipc/net');

interface Question {
  name: string;
}
interface Answer {
  greeting: string;
}

async function ask(socket: net.Socket, signal: AbortSignal): Promise<string> {
  const messages = net.messages<Answer, Question>(socket, {
    codec: 'json',
    maxLength: 1000,
    highWaterMark: 1,
  });
  const hasRoom: boolean = messages.send({ name: 'world' });
  // @ts-expect-error a question has a name
  messages.send({ text: 'world' });
  messages.on('message', ({ greeting }) => greeting.toUpperCase());
  messages.on('drain', () => {}).once('error', ({ code }) => code);
  const { greeting } = await messages.request({ name: 'world' }, { timeout: 1000, signal });
  const size = await messages.request<number>({ name: 'size' });
  for await (const answer of messages) greeting.concat(answer.greeting);
  await messages.pause().resume().ref().unref().end().close();
  return `${greeting} ${size} ${hasRoom} ${messages.isPaused()} ${messages.writableNeedDrain}`;
}

function serve(socket: net.Socket): void {
  net.messages<Question, Answer>(socket).handle(
    async ({ name }, { signal }) => {
      signal.throwIfAborted();
      return { greeting: `hello ${name}` };
    },
    { concurrency: 1 },
  );
  // @ts-expect-error an answer is a greeting
  net.messages<Question, Answer>(socket).handle(() => ({ text: 'hello' }));
  net.messages(socket).handle(() => {});
  net.messages(socket).handle(null).destroy(new Error('gone'));
}

function bytes(socket: net.Socket): void {
  const messages = net.messages(socket, { codec: 'raw' });
  messages.send(Buffer.from('bytes'));
  messages.send(new Float64Array(8));
  // @ts-expect-error text is not bytes
  messages.send('text');
  messages.on('message', (message) => message.readUInt8(0));
  // @ts-expect-error no such codec
  net.messages(socket, { codec: 'xml' });
}

async function structured(socket: net.Socket): Promise<void> {
  await using messages = net.messages<Map<string, bigint>>(socket, { codec: 'v8' });
  messages.once('message', (map) => map.get('key'));
}

export = { ask, bytes, serve, structured };
