'use strict';

// An embedded broker in a process of its own, so that its memory is not the client's.
//   node broker-program.js [MEMORY_HIGH_WATERMARK]

const { createBroker } = require('../../lib/broker');

const memoryHighWatermark = process.argv[2] === undefined ? undefined : Number(process.argv[2]);

createBroker({ port: 0, memoryHighWatermark }).then(({ url }) => {
  process.send(url);
  process.on('disconnect', () => process.exit());
});
