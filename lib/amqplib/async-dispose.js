'use strict';

/** Makes instances usable with `await using`: closed at the end, unless that has happened already. */
function asyncDisposable(Class) {
  if (!Symbol.asyncDispose) return;
  Object.defineProperty(Class.prototype, Symbol.asyncDispose, {
    configurable: true,
    writable: true,
    async value() {
      try {
        await this.close();
      } catch (error) {
        if (error.name !== 'IllegalOperationError') throw error;
      }
    },
  });
}

module.exports = { asyncDisposable };
