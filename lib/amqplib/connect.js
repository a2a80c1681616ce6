'use strict';

// Opening a connection: options, name lookup, the engine.

const dns = require('node:dns');
const { isIP } = require('node:net');

const { Connection } = require('./connection');
const { checkOptions, readConnectOptions } = require('./connect-options');

/** `callback(error)` or `callback(null, connection)`; throws at once for a protocol that is not ours. */
function connect(url, socketOptions, callback) {
  const { host, path, lookup, family, options } = readConnectOptions(url, socketOptions);
  const open = () => {
    const connection = new Connection(options, (error) => {
      if (error) callback(error);
      else callback(null, connection);
    });
  };
  try {
    checkOptions(options);
  } catch (error) {
    process.nextTick(callback, error);
    return;
  }
  if (path !== undefined) {
    options.path = path;
    open();
  } else if (isIP(host)) {
    options.addresses = [host];
    open();
  } else {
    lookUp(host || 'localhost', lookup, family, (error, addresses) => {
      if (error) {
        callback(error);
        return;
      }
      options.addresses = addresses;
      open();
    });
  }
}

// As net.connect: all addresses of the name are candidates, in the resolver's order but families in turn.
function lookUp(host, lookup = dns.lookup, family = 0, callback) {
  lookup(host, { family, all: true, hints: 0 }, (error, found) => {
    if (error) callback(error);
    else if (Array.isArray(found)) callback(null, alternate(found));
    else callback(null, [found]);
  });
}

function alternate(found) {
  const first = found[0].family;
  const same = found.filter(({ family }) => family === first);
  const other = found.filter(({ family }) => family !== first);
  const addresses = [];
  while (same.length > 0 || other.length > 0) {
    for (const list of [same, other]) if (list.length > 0) addresses.push(list.shift().address);
  }
  return addresses;
}

module.exports = { connect };
