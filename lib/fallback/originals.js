'use strict';

const { allowFallback, standIn } = require('../native/no-addon');

/**
 * A module of the same names as the original, which stays as it is. `added`: the functions and classes that only ours has.
 */
function originalWith(original, added, place) {
  allowFallback();
  const module = Object.defineProperties({}, Object.getOwnPropertyDescriptors(original));
  for (const name of added.filter((missing) => !(missing in module))) {
    Object.defineProperty(module, name, { value: standIn(name, place), writable: true, configurable: true });
  }
  return module;
}

module.exports = { originalWith };
