'use strict';

// The shape of Node's coded errors: own enumerable `code`, `name` and `constructor` of the base class, the code
// visible in `toString()` and in the stack's first line.

const { format } = require('node:util');

// Node writes `TypeError [CODE]: …` at the top of the stack of errors that carry a mark. The mark is private, but
// every such error shows it, and carrying it leaves the stack to be formatted when somebody asks for it. On a
// runtime without the mark only the code in the first line of the stack is missing.
const nodeErrorMark = findNodeErrorMark();

function findNodeErrorMark() {
  try {
    Buffer.alloc('a size must be a number');
  } catch (error) {
    for (let object = error; object !== null; object = Object.getPrototypeOf(object)) {
      const mark = Object.getOwnPropertySymbols(object).find(
        ({ description }) => description === 'kIsNodeError',
      );
      if (mark !== undefined) return mark;
    }
  }
  return undefined;
}

function markAsNodeError(ErrorClass, Base) {
  // An accessor, as in Node: util.inspect() skips it and shows the base class's name.
  Object.defineProperty(ErrorClass.prototype, 'constructor', { get: () => Base, configurable: true });
  if (nodeErrorMark !== undefined) {
    Object.defineProperty(ErrorClass.prototype, nodeErrorMark, { get: () => true, configurable: true });
  }
  return ErrorClass;
}

// `message` is a template for util.format() or a function of the constructor's arguments that may set properties
// on `this`. Node orders the own properties differently for the two (inspect shows it), hence two classes.
function makeNodeError(code, Base, message) {
  const NodeError =
    typeof message === 'string' ? fromTemplate(code, Base, message) : fromFunction(code, Base, message);
  return markAsNodeError(NodeError, Base);
}

function fromTemplate(code, Base, template) {
  return class NodeError extends Base {
    code = code;

    constructor(...args) {
      super(format(template, ...args));
    }

    toString() {
      return describe(this, code);
    }
  };
}

function fromFunction(code, Base, message) {
  return class NodeError extends Base {
    code = code;

    constructor(...args) {
      super();
      Object.defineProperty(this, 'message', {
        value: message.apply(this, args),
        enumerable: false,
        writable: true,
        configurable: true,
      });
    }

    toString() {
      return describe(this, code);
    }
  };
}

function describe(error, code) {
  return `${error.name} [${code}]: ${error.message}`;
}

// Makes the stack begin at the caller of `callee`, so that a user sees the own line first.
function trimStack(error, callee) {
  Error.captureStackTrace(error, callee);
  return error;
}

module.exports = { makeNodeError, markAsNodeError, trimStack };
