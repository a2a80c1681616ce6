// An ES module imports by name, as default and as namespace.

import { createBroker, RunError, run, setDieWithParent, spawn } from 'oxipc';
import amqplib, { type connect } from 'oxipc/amqplib';
import { connect as connectWithCallback } from 'oxipc/amqplib/callback_api';
import type { Broker, BrokerOptions } from 'oxipc/broker';
import childProcess, { type ChildProcess, execFile } from 'oxipc/child_process';
import * as net from 'oxipc/net';
import 'oxipc/register';

const children: ChildProcess[] = [spawn('true'), childProcess.spawn('true'), execFile('true')];
const socket: net.Socket = net.createConnection('/tmp/x.sock');
const options: BrokerOptions = { port: 0, host: '127.0.0.1' };
const broker: Promise<Broker> = createBroker(options);
const same: typeof connect = amqplib.connect;

async function commands(): Promise<string> {
  setDieWithParent(true);
  try {
    const { stdout } = await run('git', ['status'], { timeout: 1000 });
    for await (const line of run('git', ['log'])) line.length;
    return stdout;
  } catch (error) {
    return error instanceof RunError ? error.command : '';
  }
}

export { broker, children, commands, connectWithCallback, same, socket };
