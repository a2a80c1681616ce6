'use strict';

// `instanceof` of our base classes: a program that has our module under the name of Node's compares them with sockets and
// servers of http, tls and process.stdin, which are Node's.

const { [Symbol.hasInstance]: hasInstance } = Function.prototype;

/** Instances of `NodesClass` are instances of `Class` too, which has Node's prototype in its chain; not those of a subclass. */
function acceptInstances(Class, NodesClass) {
  Object.defineProperty(Class, Symbol.hasInstance, {
    value(object) {
      return hasInstance.call(this === Class ? NodesClass : this, object);
    },
  });
}

/** Whether an object is ours. */
function isInstance(object, Class) {
  return hasInstance.call(Class, object);
}

module.exports = { acceptInstances, isInstance };
