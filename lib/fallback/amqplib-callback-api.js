'use strict';

const credentials = require('../amqplib/credentials');
const { IllegalOperationError } = require('../amqplib/errors');
const { standIn } = require('../native/no-addon');
const { projectsAmqplib } = require('./projects-amqplib');

const place = 'oxipc/amqplib/callback_api';

module.exports = projectsAmqplib('amqplib/callback_api') ?? {
  connect: standIn('connect', `${place}, in a project without amqplib,`),
  credentials,
  IllegalOperationError,
};
