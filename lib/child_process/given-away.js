'use strict';

// Streams that another child got as its own. When a child exits, what nobody reads of its output is read to the end, but for
// such streams: it would take the other child's input away. Node marks those that it has given away with a symbol of its own,
// which it is made to show once, by a spawn that starts nothing.

const { Socket } = require('node:net');

const { SocketHandle } = require('../net/handle');
const { kHandle } = require('../net/symbols');

// Registered: the stream may be that of a child of another copy of this package.
const kIsUsedAsStdio = Symbol.for('oxipc.isUsedAsStdio');
// Null where this Node has none.
let nodesMark;

function markGivenAway(stream) {
  stream[kIsUsedAsStdio] = true;
  if (!isOfNode(stream)) return;
  if (nodesMark === undefined) nodesMark = findMark(stream) ?? learnMark(stream) ?? null;
  if (nodesMark !== null) stream[nodesMark] = true;
}

function isGivenAway(stream) {
  return stream[kIsUsedAsStdio] === true || (isOfNode(stream) && findMark(stream) !== undefined);
}

// One of ours too, once Node has its handle.
function isOfNode(stream) {
  return stream instanceof Socket && !(stream[kHandle] instanceof SocketHandle);
}

function findMark(stream) {
  return Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kIsUsedAsStdio');
}

function learnMark(stream) {
  // Most programs that load ours never need Node's.
  const { ChildProcess } = require('node:child_process');
  const spawner = new ChildProcess();
  spawner._handle = { spawn: () => 0 };
  spawner.spawn({ file: '', stdio: ['ignore', 'ignore', 'ignore', stream] });
  return findMark(stream);
}

module.exports = { isGivenAway, markGivenAway };
