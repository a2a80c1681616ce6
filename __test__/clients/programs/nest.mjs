// A NestJS microservice and its client over RabbitMQ: requests, a stream of answers, a failure, events.

import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom, from, lastValueFrom, toArray } from 'rxjs';

const require = createRequire(import.meta.url);
const { loadedAmqplib, tell } = require('./report');

const [url] = process.argv.slice(2);
const COUNT = 200;
const noted = new Set();
let onNoted = () => {};

class Numbers {
  sum(numbers, context) {
    acknowledge(context);
    return numbers.reduce((sum, number) => sum + number, 0);
  }

  count(limit, context) {
    acknowledge(context);
    return from(Array.from({ length: limit }, (_, index) => index));
  }

  fail(_, context) {
    acknowledge(context);
    throw new RpcException('no such number');
  }

  note(number, context) {
    acknowledge(context);
    noted.add(number);
    onNoted();
  }
}

function acknowledge(context) {
  context.getChannelRef().ack(context.getMessage());
}

// Decorators without a compiler.
function decorate(name, decorator) {
  decorator(Numbers.prototype, name, Object.getOwnPropertyDescriptor(Numbers.prototype, name));
  Payload()(Numbers.prototype, name, 0);
  Ctx()(Numbers.prototype, name, 1);
}
for (const name of ['sum', 'count', 'fail']) decorate(name, MessagePattern(name));
decorate('note', EventPattern('note'));
Controller()(Numbers);

class Application {}
Module({ controllers: [Numbers] })(Application);

const transport = (options) => ({
  transport: Transport.RMQ,
  options: {
    urls: [url],
    queue: 'clients.nest',
    queueOptions: { durable: false, autoDelete: true },
    ...options,
  },
});

const service = await NestFactory.createMicroservice(Application, {
  ...transport({ noAck: false, prefetchCount: 10 }),
  logger: false,
});
await service.listen();
const client = ClientProxyFactory.create(transport());
await client.connect();

const sums = await Promise.all(
  Array.from({ length: COUNT }, (_, index) => firstValueFrom(client.send('sum', [index, 1]))),
);
const counted = await lastValueFrom(client.send('count', 5).pipe(toArray()));
const failure = await firstValueFrom(client.send('fail', {})).catch((error) => error.message ?? error);
const allNoted = new Promise((resolve) => (onNoted = () => noted.size === COUNT && resolve()));
for (let index = 0; index < COUNT; index++) client.emit('note', index);
await allNoted;

await client.close();
await service.close();
tell('done', {
  correct: sums.filter((sum, index) => sum === index + 1).length,
  counted,
  failure,
  noted: noted.size,
  loaded: loadedAmqplib(),
});
process.disconnect();
