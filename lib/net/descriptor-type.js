'use strict';

const native = require('../native');

// What stands behind a descriptor, in libuv's words.
function guessFdType(fd) {
  return native.descriptorType(fd);
}

module.exports = { guessFdType };
