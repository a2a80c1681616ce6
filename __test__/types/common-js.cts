// A CommonJS program sees the types of every module.

import nodeChildProcess = require('node:child_process');
import nodeNet = require('node:net');
import oxipc = require('oxipc');
import amqplib = require('oxipc/amqplib');
import callbackApi = require('oxipc/amqplib/callback_api');
import broker = require('oxipc/broker');
import childProcess = require('oxipc/child_process');
import net = require('oxipc/net');

const sameChildProcess: typeof nodeChildProcess = childProcess;
const sameNet: typeof nodeNet = net;

const child: childProcess.ChildProcessWithoutNullStreams = oxipc.spawn('true');
const exitCode: number | null = child.exitCode;
// @ts-expect-error a command is a string
childProcess.spawn(1);

const echo: net.Server = net.createServer((socket: net.Socket) => socket.end());
// @ts-expect-error a listener is a function
net.createServer('listener');

async function queue(): Promise<string> {
  const own: broker.Broker = await broker.createBroker({ port: 0 });
  const url: string | undefined = own.url;
  const connection = await amqplib.connect(url ?? 'amqp://localhost');
  const channel: amqplib.Channel = await connection.createChannel();
  const { messageCount }: { messageCount: number } = await channel.assertQueue('jobs', { durable: false });
  const sent: boolean = channel.sendToQueue('jobs', Buffer.from('x'));
  // @ts-expect-error a body is a Buffer
  channel.sendToQueue('jobs', 'x');
  await own.close();
  return `${messageCount} ${sent}`;
}

callbackApi.connect('amqp://localhost', (error, connection) => {
  if (!error) connection.createChannel((_channelError, channel) => channel.close(() => {}));
});

export = { sameChildProcess, sameNet, echo, exitCode, queue };
