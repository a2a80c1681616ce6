'use strict';

const { createBroker } = require('oxipc/broker');

createBroker({ port: 0 }).then(({ url }) => {
  process.send({ url });
  process.on('disconnect', () => process.exit());
});
