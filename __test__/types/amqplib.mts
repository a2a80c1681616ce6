// A program written for amqplib's types compiles with ours, and what ours add is typed.

import type * as original from 'amqplib';
import type * as originalCallbacks from 'amqplib/callback_api';
import * as ours from 'oxipc/amqplib';
import * as callbacks from 'oxipc/amqplib/callback_api';

// Who holds the original's types can be given ours.
const asOriginal: typeof original = ours;
const asOriginalCallbacks: Pick<typeof originalCallbacks, 'credentials' | 'IllegalOperationError'> =
  callbacks;
const asOriginalConnection = (connection: callbacks.Connection): originalCallbacks.Connection => connection;
// Without what leads to createChannel: the original's types say that it gives a channel, what it gives is the connection.
const asOriginalRecovering = (
  connection: callbacks.RecoveringConnection,
): Pick<originalCallbacks.RecoveringConnection, 'close' | 'updateSecret'> => connection;

async function program(amqplib: typeof original): Promise<number> {
  const connection: original.ChannelModel = await amqplib.connect('amqp://localhost', { timeout: 1000 });
  const channel: original.ConfirmChannel = await connection.createConfirmChannel({ highWaterMark: 10 });
  await channel.waitForConfirms();
  const message: original.GetMessage | false = await channel.get('q', { noAck: true });
  const { consumerTag }: original.Replies.Consume = await channel.consume('q', (taken) => {
    if (taken) channel.ack(taken);
  });
  await channel.cancel(consumerTag);
  return message ? message.fields.messageCount : 0;
}

async function beyond(): Promise<void> {
  const signal = AbortSignal.timeout(1000);
  const connection = await ours.connect('amqp://localhost', { signal });
  const channel = await connection.createConfirmChannel();
  await channel.publishConfirmed('', 'q', Buffer.from('x'), { persistent: true, signal });
  await channel.waitForConfirms({ oxipc: { signal } });
  await channel.get('q', { noAck: true, oxipc: { signal } });
  await channel.consume('q', () => {}, { oxipc: { signal } });
  // @ts-expect-error under oxipc
  await channel.get('q', { signal });
  const responder: ours.Responder = await channel.respond('q', ({ content }) => content, {
    prefetch: 1,
    signal,
  });
  await channel.respond('q', async () => ({ content: Buffer.from('x'), headers: { a: 1 } }));
  await channel.respond('q', () => {});
  // @ts-expect-error an answer is a Buffer, perhaps with properties
  await channel.respond('q', () => 'text');
  try {
    const reply: ours.ConsumeMessage = await channel.request('', 'q', Buffer.from('x'), {
      timeout: 100,
      signal,
    });
    reply.properties.headers?.a;
    // @ts-expect-error the requester sets it
    await channel.request('', 'q', Buffer.from('x'), { correlationId: '1' });
  } catch (error) {
    if (error instanceof ours.RemoteError) error.remoteName.length;
  }
  for await (const message of channel.messages('q', { prefetch: 5, signal })) channel.ack(message);
  await responder[Symbol.asyncDispose]();
  await channel[Symbol.asyncDispose]();
  await connection[Symbol.asyncDispose]();
}

function callbackProgram(): void {
  callbacks.connect('amqp://localhost', (error, connection) => {
    if (error) return;
    const channel: callbacks.Channel = connection.createChannel((_error, opened) => opened.checkQueue('q'));
    channel.assertQueue('q', { durable: false }, (_error, { messageCount }) => messageCount.toFixed());
    connection.on('blocked', (reason) => reason.length);
    connection.close();
  });
  const recovering: callbacks.RecoveringConnection = callbacks.connect(
    'amqp://localhost',
    { recovery: true },
    () => {},
  );
  recovering.on('reconnect-scheduled', ({ attempt, delay }) => attempt + delay);
}

export {
  asOriginal,
  asOriginalCallbacks,
  asOriginalConnection,
  asOriginalRecovering,
  beyond,
  callbackProgram,
  program,
};
