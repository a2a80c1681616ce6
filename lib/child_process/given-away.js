'use strict';

// Streams of Node's own that a child of ours got. When a child of Node's exits, Node reads to its end what nobody reads of
// that child's output, but for streams that it has itself given to another child: it would take ours' input away. The mark
// on those is a symbol of Node's, so Node is made to set it once, by a spawn that starts nothing.

const { Socket } = require('node:net');

const { SocketHandle } = require('../net/handle');
const { kHandle } = require('../net/symbols');

// Null where this Node has none.
let mark;

function markGivenAway(stream) {
  if (!(stream instanceof Socket) || stream[kHandle] instanceof SocketHandle) return;
  if (mark === undefined) mark = learnMark(stream) ?? null;
  if (mark !== null) stream[mark] = true;
}

function learnMark(stream) {
  // Most programs that load ours never need Node's.
  const { ChildProcess } = require('node:child_process');
  const spawner = new ChildProcess();
  spawner._handle = { spawn: () => 0 };
  spawner.spawn({ file: '', stdio: ['ignore', 'ignore', 'ignore', stream] });
  return Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kIsUsedAsStdio');
}

module.exports = { markGivenAway };
