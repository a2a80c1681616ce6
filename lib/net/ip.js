'use strict';

const native = require('../native');

// 4, 6, or 0 for what is no IP address.
function isIP(input) {
  return native.ipVersion(`${input}`);
}

function isIPv4(input) {
  return isIP(input) === 4;
}

function isIPv6(input) {
  return isIP(input) === 6;
}

module.exports = { isIP, isIPv4, isIPv6 };
