'use strict';

// oxipc/amqplib: amqplib's promise API.

const { ChannelModel } = require('./channel-model');
const credentials = require('./credentials');
const { IllegalOperationError } = require('./errors');
const { RemoteError } = require('./remote-error');
const { RecoveringChannelModel } = require('./recovering-models');
const { splitRecovery } = require('./recovery-options');
const { opener } = require('./several-urls');

async function connect(url, options) {
  const { socketOptions, recovery } = splitRecovery(options);
  const open = opener(url, socketOptions);
  const openModel = () =>
    new Promise((resolve, reject) => {
      open((error, connection) => {
        if (error) reject(error);
        else resolve(new ChannelModel(connection));
      });
    });
  if (recovery === null) return openModel();

  const recovering = new RecoveringChannelModel(openModel, recovery);
  return recovery.waitForConnect ? recovering.waitForConnect() : recovering;
}

module.exports = { connect, credentials, IllegalOperationError };

// Beyond amqplib's, in the form that ES modules see.
Object.defineProperty(module.exports, 'RemoteError', {
  value: RemoteError,
  writable: true,
  configurable: true,
});
