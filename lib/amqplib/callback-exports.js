'use strict';

// oxipc/amqplib/callback_api

const { CallbackModel } = require('./callback-model');
const credentials = require('./credentials');
const { IllegalOperationError } = require('./errors');
const { RecoveringCallbackModel } = require('./recovering-models');
const { splitRecovery } = require('./recovery-options');
const { opener } = require('./several-urls');

/** connect(url, options, callback), connect(url, callback), connect(callback) */
function connect(url, options, callback) {
  if (typeof url === 'function') return connect(false, false, url);
  if (typeof options === 'function') return connect(url, false, options);

  const { socketOptions, recovery } = splitRecovery(options);
  const openConnection = opener(url, socketOptions);
  const open = (done) => {
    openConnection((error, connection) => {
      if (error) done(error);
      else done(null, new CallbackModel(connection));
    });
  };
  if (recovery === null) {
    open(callback);
    return undefined;
  }
  const openModel = () =>
    new Promise((resolve, reject) => open((error, model) => (error ? reject(error) : resolve(model))));
  const recovering = new RecoveringCallbackModel(openModel, recovery);
  if (recovery.waitForConnect) recovering.waitForConnect(callback);
  else if (typeof callback === 'function') process.nextTick(callback, null, recovering);
  return recovering;
}

module.exports = { connect, credentials, IllegalOperationError };
