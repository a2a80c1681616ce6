'use strict';

// Uses every module of ours; what it prints says whether they are ours.

const { isNative } = require('oxipc');
const { connect } = require('oxipc/amqplib');
const { createBroker } = require('oxipc/broker');
const { run } = require('oxipc/child_process');
const net = require('oxipc/net');

async function main() {
  const { stdout } = await run('echo', ['from a child']);
  const broker = await createBroker({ port: 0 });
  const connection = await connect(broker.url);
  await connection.close();
  await broker.close();
  const server = net.createServer((socket) => socket.end('from a server'));
  server.listen(0, '127.0.0.1', () => {
    net
      .connect(server.address().port, '127.0.0.1')
      .on('data', (data) => console.log(isNative, String(stdout).trim(), String(data)))
      .on('close', () => server.close());
  });
}

main();
