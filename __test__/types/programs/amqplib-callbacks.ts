// As amqplib.ts, of amqplib/callback_api.

import type { Channel, ConfirmChannel, Connection, Message, Options, Replies } from 'amqplib/callback_api';
import * as amqplib from 'amqplib/callback_api';

amqplib.connect('amqp://localhost', (error: Error, connection: Connection) => {
  if (error) return;
  connection
    .on('close', (reason) => reason?.message)
    .on('error', (reason) => reason.message)
    .on('blocked', (reason) => reason.trim());
  connection.createChannel((failure: Error, channel: Channel) => use(failure ?? error, channel));
  const made: Channel = connection.createChannel({ highWaterMark: 10 }, (_failure, opened) =>
    use(null, opened),
  );
  connection.createConfirmChannel((_failure, confirming) => confirm(confirming));
  connection.createConfirmChannel({ highWaterMark: 10 }, (_failure, confirming: ConfirmChannel) =>
    confirm(confirming),
  );
  connection.updateSecret(Buffer.from('secret'), 'it expires', (failure) => failure?.message);
  const { version }: amqplib.ServerProperties = connection.connection.serverProperties;
  connection.close((failure) => [failure?.message, version.trim(), made.connection]);
});

const target: Options.Connect = {
  hostname: 'localhost',
  credentials: amqplib.credentials.plain('user', 'password'),
};
amqplib.connect(target, { clientProperties: { connection_name: 'program' } }, (_error, connection) =>
  connection.close(),
);
amqplib.connect(target, (_error, connection) => connection.close());

function use(error: Error | null, channel: Channel): void {
  if (error) throw error;
  channel.assertQueue('queue', { durable: false }, (_failure, ok: Replies.AssertQueue) =>
    ok.messageCount.toFixed(),
  );
  channel.assertQueue('queue');
  channel.checkQueue('queue', (_failure, { consumerCount }) => consumerCount.toFixed());
  channel.bindQueue('queue', 'exchange', '#', {}, (_failure, ok) => ok);
  channel.assertExchange('exchange', 'direct', {}, (_failure, { exchange }) => exchange.trim());
  channel.consume(
    'queue',
    (message: Message | null) => {
      if (message) channel.ack(message);
    },
    { noAck: false },
    (_failure, { consumerTag }) => channel.cancel(consumerTag, (_reason, ok) => ok.consumerTag),
  );
  channel.get('queue', {}, (_failure, message) => {
    if (message) channel.nack(message, false, false);
  });
  channel.prefetch(10);
  channel.purgeQueue('queue', (_failure, { messageCount }) => messageCount.toFixed());
  channel.deleteQueue('queue', {}, (_failure, { messageCount }) => messageCount.toFixed());
  const room: boolean = channel.publish('exchange', 'key', Buffer.from('text'), { persistent: true });
  channel.on('drain', () => room).on('return', (message) => message.content.toString());
  channel.recover((_failure, ok) => ok);
  channel.close((failure) => failure?.message);
}

function confirm(channel: ConfirmChannel): void {
  channel.sendToQueue('queue', Buffer.from('text'), {}, (error, ok) => [error, ok]);
  channel.publish('exchange', 'key', Buffer.from('text'), {}, (error) => error?.message);
  channel.waitForConfirms((error) => error?.message);
}

export { confirm, use };
