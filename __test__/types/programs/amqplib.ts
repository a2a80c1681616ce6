// Everything of amqplib that a TypeScript program can name. programs.test.js compiles it with oxipc/amqplib in its place too.

import { EventEmitter } from 'node:events';
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Options, Replies } from 'amqplib';
import * as amqplib from 'amqplib';

async function connecting(): Promise<ChannelModel> {
  const options: Options.Connect = {
    protocol: 'amqps',
    hostname: 'localhost',
    port: 5671,
    username: 'guest',
    password: 'guest',
    locale: 'en_US',
    frameMax: 0,
    heartbeat: 10,
    vhost: '/',
    channelMax: 100,
    credentials: amqplib.credentials.plain('guest', 'guest'),
  };
  const socket: amqplib.SocketOptions = {
    noDelay: true,
    timeout: 1000,
    keepAlive: true,
    keepAliveDelay: 10,
    clientProperties: { connection_name: 'program', product: 'x', capabilities: {} },
    credentials: amqplib.credentials.external(),
    ca: [Buffer.from('')],
    rejectUnauthorized: true,
    servername: 'localhost',
  };
  const { mechanism, username, response } = amqplib.credentials.amqplain('user', 'password');
  await amqplib.connect('amqp://localhost');
  await amqplib.connect(options);
  await amqplib.connect('amqp://localhost', socket);
  const model: ChannelModel = await amqplib.connect(options, {
    ...socket,
    cert: mechanism + username + response(),
  });
  const { serverProperties }: amqplib.Connection = model.connection;
  const version: string = serverProperties.version;
  await model.updateSecret(Buffer.from(version), 'it expires');
  model
    .on('close', (error?: Error) => error?.message)
    .on('error', (error: Error) => error.stack)
    .on('blocked', (reason: string) => reason.trim())
    .on('unblocked', () => {})
    .on('update-secret-ok', () => {})
    .on('handler-error', (error, eventName) => [error.message, eventName.trim()])
    .on('anything else', (...args) => args.length);
  const emitter: EventEmitter = model;
  emitter.removeAllListeners();
  return model;
}

async function recovering(): Promise<void> {
  const recovery: amqplib.RecoveryOptions = {
    initialDelay: 10,
    maxDelay: 1000,
    factor: 2,
    jitter: 0.1,
    maxRetries: Infinity,
    initialMaxRetries: 3,
    setup: async (model: ChannelModel) => {
      const channel = await model.createChannel();
      await channel.assertQueue('queue');
    },
    waitForConnect: false,
    calculateDelay: (attempt) => attempt * 100,
  };
  const connection: amqplib.RecoveringChannelModel = await amqplib.connect('amqp://localhost', { recovery });
  connection
    .on('connect', (model) => model.createChannel())
    .on('disconnect', (error) => error.message)
    .on('connect-failed', (error) => error.message)
    .on('reconnect-scheduled', ({ attempt, delay, error }) => [
      attempt.toFixed(),
      delay.toFixed(),
      error.message,
    ])
    .on('reconnect-failed', (error) => error.message);
  const same: amqplib.RecoveringChannelModel = await connection.waitForConnect();
  const channel: Channel = await same.createChannel({ highWaterMark: 10 });
  await channel.close();
  await (await same.createConfirmChannel()).waitForConfirms();
  await same.close();
}

async function topology(model: ChannelModel): Promise<string> {
  const channel: Channel = await model.createChannel();
  const declaring: Options.AssertQueue = {
    exclusive: true,
    durable: true,
    autoDelete: true,
    arguments: { 'x-queue-type': 'quorum' },
    messageTtl: 1000,
    expires: 1000,
    deadLetterExchange: 'dead',
    deadLetterRoutingKey: 'letters',
    maxLength: 10,
    maxPriority: 5,
    overflow: 'reject-publish',
    queueMode: 'lazy',
  };
  const { queue, messageCount, consumerCount }: Replies.AssertQueue = await channel.assertQueue(
    'queue',
    declaring,
  );
  await channel.assertQueue();
  await channel.checkQueue(queue);
  const purged: Replies.PurgeQueue = await channel.purgeQueue(queue);
  const exchanging: Options.AssertExchange = {
    durable: true,
    internal: false,
    autoDelete: true,
    alternateExchange: 'other',
    arguments: {},
  };
  const { exchange }: Replies.AssertExchange = await channel.assertExchange('exchange', 'topic', exchanging);
  await channel.assertExchange('exchange', 'x-delayed-message');
  await channel.checkExchange(exchange);
  const empty: Replies.Empty = await channel.bindQueue(queue, exchange, '#', { 'x-match': 'all' });
  await channel.unbindQueue(queue, exchange, '#');
  await channel.bindExchange('destination', exchange, '#');
  await channel.unbindExchange('destination', exchange, '#', empty);
  await channel.deleteExchange(exchange, { ifUnused: true });
  const deleting: Options.DeleteQueue = { ifUnused: true, ifEmpty: true };
  const deleted: Replies.DeleteQueue = await channel.deleteQueue(queue, deleting);
  await channel.close();
  return [messageCount, consumerCount, purged.messageCount, deleted.messageCount].join();
}

async function consuming(channel: Channel): Promise<void> {
  const options: Options.Consume = {
    consumerTag: 'tag',
    noLocal: false,
    noAck: false,
    exclusive: true,
    priority: 5,
    arguments: {},
  };
  await channel.prefetch(10);
  await channel.prefetch(10, true);
  const onMessage = (message: ConsumeMessage | null) => {
    if (message === null) return;
    const { content, fields, properties } = message;
    const { consumerTag, deliveryTag, redelivered, exchange, routingKey } = fields;
    const headers: amqplib.MessagePropertyHeaders | undefined = properties.headers;
    const deaths: amqplib.XDeath[] | undefined = headers?.['x-death'];
    const facts = [
      content.toString('utf8'),
      consumerTag.trim(),
      deliveryTag.toFixed(),
      exchange.trim(),
      routingKey.trim(),
    ];
    if (redelivered || deaths?.[0]?.reason === 'expired' || facts.length > 9)
      channel.nack(message, false, true);
    else channel.ack(message);
    channel.reject(message);
    channel.reject(message, false);
    channel.nack(message);
    channel.ack(message, true);
  };
  const { consumerTag }: Replies.Consume = await channel.consume('queue', onMessage, options);
  await channel.consume('queue', onMessage);
  const cancelled: Replies.Cancel = await channel.cancel(consumerTag);
  const got: amqplib.GetMessage | false = await channel.get('queue', { noAck: false });
  if (got) channel.ack(got);
  if (got !== false && got.fields.messageCount > 0) channel.ackAll();
  channel.nackAll();
  channel.nackAll(false);
  await channel.recover();
  channel
    .on('close', () => {})
    .on('error', (error: Error) => error.message)
    .on('drain', () => {})
    .on('return', (message: amqplib.Message) => message.content.toString())
    .on('cancel', ({ consumerTag: tag }) => tag.trim() + cancelled.consumerTag)
    .on('delivery', (message) => message.fields.consumerTag.trim())
    .on('ack', ({ deliveryTag, multiple }) => [deliveryTag.toFixed(), multiple])
    .on('nack', ({ deliveryTag, multiple, requeue }) => [deliveryTag.toFixed(), multiple, requeue])
    .on('handler-error', (error, eventName) => [error.message, eventName.trim()]);
}

async function publishing(model: ChannelModel): Promise<boolean> {
  const channel: ConfirmChannel = await model.createConfirmChannel();
  const options: Options.Publish = {
    expiration: '1000',
    userId: 'guest',
    CC: ['a', 'b'],
    BCC: 'c',
    mandatory: true,
    persistent: true,
    deliveryMode: 2,
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: { key: 'value' },
    priority: 5,
    correlationId: '1',
    replyTo: 'queue',
    messageId: '1',
    timestamp: Date.now(),
    type: 'type',
    appId: 'program',
  };
  const content = Buffer.from(JSON.stringify({ key: 'value' }));
  const room: boolean = channel.publish('exchange', 'key', content, options, (error, ok) => [error, ok]);
  channel.publish('exchange', 'key', content);
  channel.sendToQueue('queue', content);
  channel.sendToQueue('queue', content, { persistent: true }, (error) => error?.message);
  await channel.waitForConfirms();
  const plain: Channel = channel;
  return room && plain.sendToQueue('queue', content, options);
}

// A test double.
const double: Pick<Channel, 'ack' | 'publish' | 'prefetch'> & Partial<Channel> = {
  ack(message, allUpTo) {
    if (allUpTo) message.content.toString();
  },
  publish: (exchange, routingKey, content) => content.length > exchange.length + routingKey.length,
  prefetch: async () => ({}),
};

class Model extends EventEmitter implements ChannelModel {
  readonly connection: amqplib.Connection = { serverProperties: {} as amqplib.ServerProperties };
  async close(): Promise<void> {}
  async createChannel(): Promise<Channel> {
    return double as Channel;
  }
  async createConfirmChannel(): Promise<ConfirmChannel> {
    return double as ConfirmChannel;
  }
  async updateSecret(): Promise<void> {}
}

const isClosed = (error: unknown): boolean =>
  error instanceof amqplib.IllegalOperationError && error.stackAtStateChange !== undefined;

export { connecting, consuming, double, isClosed, Model, publishing, recovering, topology };
