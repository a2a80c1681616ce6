'use strict';

// Messages that cannot be read, among good ones: the child writes the bytes itself.

const { compareCall, scriptOf } = require('./compare');

const CHILD = `
const fs = require('node:fs');
const v8 = require('node:v8');
const [, serialization, ...batches] = process.argv;
const message = (item) => {
  const bad = item === 'bad';
  if (serialization === 'json') return Buffer.from(bad ? 'bad\\n' : JSON.stringify({ n: item }) + '\\n');
  const bytes = bad ? Buffer.from(item) : v8.serialize({ n: item });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const next = () => {
  const batch = batches.shift();
  if (batch === undefined) process.disconnect();
  else fs.writeSync(3, Buffer.concat(batch.split(',').map(message)));
};
process.on('message', next);
next();`;

// The next batch is asked for when nothing more comes of one.
const parent = (serialization, batches) => `
  const seen = [];
  process.on('uncaughtException', (error) => seen.push(error.name));
  const child = cp.spawn(process.execPath, ['-e', ${JSON.stringify(CHILD)}, '--', '${serialization}', ${batches.map((batch) => JSON.stringify(batch)).join(', ')}], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: '${serialization}',
  });
  child.on('message', ({ n }) => {
    seen.push(n);
    if (n.endsWith('!')) child.send('next');
  });
  child.on('close', () => console.log(JSON.stringify(seen)));`;

const compareBatches = (name, serialization, batches) =>
  compareCall(name, scriptOf(parent(serialization, batches)));

compareBatches('a malformed advanced message takes none of its batch along', 'advanced', [
  '1!,bad,2,3',
  '4,5!',
  '6!',
]);
compareBatches('several of them come each in its place', 'advanced', ['1!,bad,2!,bad,3', '4', '5!']);
compareBatches('of lines, those behind it in the batch are lost', 'json', ['1!,bad,2,3', '4,5!']);
