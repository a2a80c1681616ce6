'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const { Programs } = require('../../scripts/demo/programs');

function programsOf(t) {
  const programs = new Programs();
  t.after(() => programs.kill());
  return programs;
}

async function converse(server, client, greeting) {
  await server.says(new RegExp(`^Server received: ${greeting}$`));
  await client.says(new RegExp(`^Client received: Echo: ${greeting}$`));
  await client.says(/^Disconnected from the server$/);
  await client.ends();
  await server.says(/^Client disconnected$/);
}

test('tcp-server.js echoes what two runs of tcp-client.js say, and ends on SIGTERM', async (t) => {
  const programs = programsOf(t);
  const server = programs.start('tcp-server.js', '0');
  const [, port] = await server.says(/^Server listening on port (\d+)$/);
  for (let run = 0; run < 2; run++) {
    await converse(server, programs.start('tcp-client.js', port), 'Hello from the TCP client');
  }
  await server.ends('SIGTERM');
});

test('unix-server.js echoes what unix-client.js says, and leaves no socket file', async (t) => {
  const programs = programsOf(t);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const socketPath = path.join(folder, 'example.sock');
  const server = programs.start('unix-server.js', socketPath);
  await server.says(/^Server listening on .*example\.sock$/);
  await converse(server, programs.start('unix-client.js', socketPath), 'Hello from the UNIX client');
  await server.ends('SIGTERM');
  if (fs.existsSync(socketPath)) throw new Error('the socket file is still there');
});

test('unix-client.js says that nobody listens, and ends with 1', async (t) => {
  const client = programsOf(t).start('unix-client.js', '/nonexistent/example.sock');
  await client.says(/^Client failed: connect ENOENT/);
  await client.ends(undefined, 1);
});

test('message-server.js hears and answers message-client.js', async (t) => {
  const programs = programsOf(t);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const socketPath = path.join(folder, 'messages.sock');
  const server = programs.start('message-server.js', socketPath);
  await server.says(/^Server listening on .*messages\.sock$/);
  const client = programs.start('message-client.js', socketPath);
  for (const number of [1, 2, 3]) await server.says(new RegExp(`^Server received: { number: ${number} }$`));
  await client.says(/^Client received: hello world$/);
  await client.says(/^Client was told: TypeError: nobody to greet$/);
  await client.says(/^Closed$/);
  await client.ends();
  await server.ends('SIGTERM');
});

test('message-client.js says that nobody listens, and ends with 1', async (t) => {
  const client = programsOf(t).start('message-client.js', '/nonexistent/messages.sock');
  await client.says(/^Client failed: connect ENOENT/);
  await client.ends(undefined, 1);
});
