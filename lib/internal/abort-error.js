'use strict';

const { ERR_INVALID_ARG_TYPE } = require('./errors');

// What an aborted AbortSignal turns into; `options.cause` is the signal's reason.
class AbortError extends Error {
  constructor(message = 'The operation was aborted', options = undefined) {
    if (options !== undefined && typeof options !== 'object') {
      throw new ERR_INVALID_ARG_TYPE('options', 'Object', options);
    }
    super(message, options);
    this.code = 'ABORT_ERR';
    this.name = 'AbortError';
  }
}

module.exports = { AbortError };
