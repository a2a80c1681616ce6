'use strict';

// What the AMQP cases ask of a client, the same for amqplib's API (ours and the original) and for rabbitmq-client's.

const { once } = require('node:events');
const { setTimeout } = require('node:timers/promises');

// rabbitmq-client has no sign to hold back: this many publishes are made before they are awaited.
const AWAITED_AT_ONCE = 1000;

class AmqplibClient {
  static async open(amqplib, url) {
    const client = new AmqplibClient();
    client.connection = await amqplib.connect(url);
    client.channel = await client.connection.createChannel();
    return client;
  }

  async confirm() {
    this.channel = await this.connection.createConfirmChannel();
  }

  async openQueue() {
    return (await this.channel.assertQueue('', { exclusive: true })).queue;
  }

  /** Resolves once all is handed over. */
  async publish(queue, body, count) {
    const { channel } = this;
    for (let sent = 0; sent < count; sent++) {
      if (!channel.sendToQueue(queue, body)) await once(channel, 'drain');
    }
  }

  /** Resolves once all is confirmed, each publish by itself. */
  async publishConfirmed(queue, body, count) {
    const { channel } = this;
    let left = count;
    let finish;
    const finished = new Promise((resolve, reject) => {
      finish = (error) => {
        if (error) reject(error);
        else if (--left === 0) resolve();
      };
    });
    for (let sent = 0; sent < count; sent++) {
      if (!channel.sendToQueue(queue, body, undefined, finish)) await once(channel, 'drain');
    }
    await finished;
  }

  send(queue, body, { replyTo, correlationId } = {}) {
    this.channel.sendToQueue(queue, body, { replyTo, correlationId });
  }

  async countMessages(queue) {
    return (await this.channel.checkQueue(queue)).messageCount;
  }

  async prefetch(count) {
    await this.channel.prefetch(count);
  }

  /** `onMessage(message, body, properties)`; returns the consumer's tag. */
  async consume(queue, noAck, onMessage) {
    const take = (message) => onMessage(message, message.content, message.properties);
    return (await this.channel.consume(queue, take, { noAck })).consumerTag;
  }

  async cancel(consumerTag) {
    await this.channel.cancel(consumerTag);
  }

  ack(message) {
    this.channel.ack(message);
  }

  async close() {
    await this.connection.close();
  }
}

class RabbitmqClient {
  static async open({ Connection }, url) {
    const client = new RabbitmqClient();
    // Without a name in the URL it sends an empty one.
    const address = new URL(url);
    address.username ||= 'guest';
    address.password ||= 'guest';
    client.connection = new Connection(address.href);
    client.channel = await client.connection.acquire();
    return client;
  }

  async confirm() {
    await this.channel.confirmSelect();
  }

  async openQueue() {
    return (await this.channel.queueDeclare({ queue: '', exclusive: true })).queue;
  }

  async publish(queue, body, count) {
    for (let sent = 0; sent < count; ) {
      const written = [];
      for (; written.length < AWAITED_AT_ONCE && sent < count; sent++)
        written.push(this.channel.basicPublish(queue, body));
      await Promise.all(written);
    }
  }

  async publishConfirmed(queue, body, count) {
    await this.publish(queue, body, count);
  }

  send(queue, body, { replyTo, correlationId } = {}) {
    this.channel.basicPublish({ routingKey: queue, replyTo, correlationId }, body);
  }

  async countMessages(queue) {
    return (await this.channel.queueDeclare({ queue, passive: true })).messageCount;
  }

  async prefetch(prefetchCount) {
    await this.channel.basicQos({ prefetchCount });
  }

  async consume(queue, noAck, onMessage) {
    const take = (message) => onMessage(message, message.body, message);
    return (await this.channel.basicConsume({ queue, noAck }, take)).consumerTag;
  }

  async cancel(consumerTag) {
    await this.channel.basicCancel(consumerTag);
  }

  ack({ deliveryTag }) {
    this.channel.basicAck({ deliveryTag });
  }

  async close() {
    await this.channel.close();
    await this.connection.close();
  }
}

const contenders = { oxipc: 'oxipc/amqplib', amqplib: 'amqplib', 'rabbitmq-client': 'rabbitmq-client' };

function openClient(library, url) {
  return library.Connection ? RabbitmqClient.open(library, url) : AmqplibClient.open(library, url);
}

/** Everything published so far is in the queue. The answer comes after it has been read; RabbitMQ may still be queueing. */
async function untilQueued(client, queue, count) {
  for (;;) {
    const queued = await client.countMessages(queue);
    if (queued === count) return;
    if (queued > count) throw new Error(`${queued} messages are in the queue, ${count} were published`);
    // Asking costs, and is not what is measured.
    await setTimeout(10);
  }
}

module.exports = { contenders, openClient, untilQueued };
