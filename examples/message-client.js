'use strict';

// Sends message-server.js a few messages and asks it for greetings.
//   node examples/message-client.js [PATH]

const os = require('node:os');
const path = require('node:path');
const net = require('oxipc/net');

const socketPath = process.argv[2] ?? path.join(os.tmpdir(), 'oxipc-messages.sock');

async function main() {
  const messages = net.messages(net.connect(socketPath));
  for (let number = 1; number <= 3; number++) messages.send({ number });

  const { greeting } = await messages.request({ name: 'world' }, { timeout: 5000 });
  console.log(`Client received: ${greeting}`);

  await messages
    .request({})
    .catch((error) => console.log(`Client was told: ${error.name}: ${error.message}`));
  await messages.close();
  console.log('Closed');
}

main().catch((error) => {
  console.error(`Client failed: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
});
