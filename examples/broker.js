'use strict';

// A broker of our own for publisher.js and consumer.js, until SIGTERM or Ctrl-C.
//   node examples/broker.js [PORT]      (0: any free port)

const { createBroker } = require('oxipc/broker');

async function main() {
  const broker = await createBroker({ port: Number(process.argv[2] ?? 5672) });
  console.log(`Broker listening on ${broker.url}`);

  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => broker.close());
}

main().catch((error) => {
  console.error(`Broker failed: ${error.message}`);
  process.exitCode = 1;
});
