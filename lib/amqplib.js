'use strict';

// oxipc/amqplib: amqplib's promise API.

const { ChannelModel } = require('./amqplib/channel-model');
const credentials = require('./amqplib/credentials');
const { IllegalOperationError } = require('./amqplib/errors');
const { RemoteError } = require('./amqplib/remote-error');
const { RecoveringChannelModel } = require('./amqplib/recovering-models');
const { splitRecovery } = require('./amqplib/recovery-options');
const { opener } = require('./amqplib/several-urls');

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

module.exports = { connect, credentials, IllegalOperationError, RemoteError };
