'use strict';

const credentials = require('../amqplib/credentials');
const { IllegalOperationError } = require('../amqplib/errors');
const { noAddon, standIn } = require('../native/no-addon');
const { projectsAmqplib } = require('./projects-amqplib');

const place = 'oxipc/amqplib';
const original = projectsAmqplib('amqplib') ?? {
  async connect() {
    throw noAddon(`connect() of ${place}, in a project without amqplib,`);
  },
  credentials,
  IllegalOperationError,
};

module.exports = { ...original };
Object.defineProperty(module.exports, 'RemoteError', {
  value: standIn('RemoteError', place),
  writable: true,
  configurable: true,
});
