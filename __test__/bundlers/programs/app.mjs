// As app.cjs, of ES modules.

import { once } from 'node:events';
import { isNative } from 'oxipc';
import { connect } from 'oxipc/amqplib';
import { createBroker } from 'oxipc/broker';
import { run } from 'oxipc/child_process';
import net, { createServer } from 'oxipc/net';

const { stdout } = await run('echo', ['from a child']);
const broker = await createBroker({ port: 0 });
const connection = await connect(broker.url);
await connection.close();
await broker.close();
const server = createServer((socket) => socket.end('from a server')).listen(0, '127.0.0.1');
await once(server, 'listening');
const socket = net.connect(server.address().port, '127.0.0.1');
socket.on('data', (data) => console.log(isNative, String(stdout).trim(), String(data)));
await once(socket, 'close');
server.close();
