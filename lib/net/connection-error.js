'use strict';

const { exceptionWithHostPort } = require('../internal/system-errors');

// Why a connection did not come about. The address that it was to come from is named only together with a port.
function connectionError(status, { address, port, localAddress, localPort }) {
  if (!localAddress || !localPort) return exceptionWithHostPort(status, 'connect', address, port);
  const error = exceptionWithHostPort(status, 'connect', address, port, `${localAddress}:${localPort}`);
  return Object.assign(error, { localAddress, localPort });
}

module.exports = { connectionError };
