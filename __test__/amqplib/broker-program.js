'use strict';

// An embedded broker in a process of its own, so that its memory is not the client's.

const { createBroker } = require('../../lib/broker');

createBroker({ port: 0 }).then(({ url }) => {
  process.send(url);
  process.on('disconnect', () => process.exit());
});
