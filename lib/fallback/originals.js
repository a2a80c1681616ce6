'use strict';

const { allowFallback, standIn } = require('../native/no-addon');

/**
 * The original module and, beside its names, those that only ours has. A proxy: the original gets no member, and what replaces
 * one of its functions does so in the original, whose own functions look there (exec calls the execFile that it finds).
 */
function originalWith(original, added, place) {
  allowFallback();
  const missing = added.filter((name) => !(name in original));
  const standIns = {};
  for (const name of missing) {
    // Hidden, as ours are from those who copy or wrap what they find.
    const value = standIn(name, place);
    Object.defineProperty(standIns, name, { value, writable: true, configurable: true });
  }
  const isOurs = (name) => Object.hasOwn(standIns, name);
  return new Proxy(original, {
    get: (target, name) => (isOurs(name) ? standIns[name] : target[name]),
    set: (target, name, value) => Reflect.set(isOurs(name) ? standIns : target, name, value),
    has: (target, name) => isOurs(name) || name in target,
    ownKeys: (target) => [...Reflect.ownKeys(target), ...Object.getOwnPropertyNames(standIns)],
    getOwnPropertyDescriptor: (target, name) =>
      Object.getOwnPropertyDescriptor(isOurs(name) ? standIns : target, name),
    defineProperty: (target, name, descriptor) =>
      Reflect.defineProperty(isOurs(name) ? standIns : target, name, descriptor),
  });
}

module.exports = { originalWith };
