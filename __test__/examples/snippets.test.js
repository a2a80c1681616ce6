'use strict';

// The JavaScript of the README and of the pages for users, as a reader pastes it into a file.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { compileFunction } = require('node:vm');

const { createBroker } = require('oxipc/broker');
const { Programs } = require('../../scripts/demo/programs');

const ROOT = path.join(__dirname, '..', '..');
// It needs what is not here: a RabbitMQ of that name, OpenTelemetry (which clients/opentelemetry runs).
const PARSED_ONLY = null;
// Consumers and brokers, which run until they are stopped. All others end.
const goesOn = (says) => ({ says, goesOn: true });
// What each snippet of a page says, in order.
const PAGES = {
  'README.md': [
    /^child says: hello$/,
    /^hello from the server$/,
    goesOn(/^hello$/),
    goesOn(/^amqp:\/\/127\.0\.0\.1:\d+$/),
  ],
  'docs/amqplib.md': [
    goesOn(/^received work$/),
    goesOn(/^received work$/),
    /^42$/,
    goesOn(/^received work$/),
    PARSED_ONLY,
    PARSED_ONLY,
  ],
  'docs/broker.md': [/^amqp:\/\/127\.0\.0\.1:\d+$/, PARSED_ONLY],
  'docs/child_process.md': [/^hello$/, /^ended by SIGTERM$/, /^line 3$/],
  'docs/messages.md': [/^hello world$/],
  'docs/net.md': [/^Echo: hello$/, /^served by the worker$/],
};

let folder;

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-snippets-'));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'oxipc'));
});
after(() => fs.rmSync(folder, { recursive: true }));

const snippetsOf = (page) =>
  [...fs.readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(
    ([, code]) => code,
  );

for (const [page, expected] of Object.entries(PAGES)) {
  const snippets = snippetsOf(page);

  test(`${page}: each snippet has its line in this test`, () =>
    assert.equal(snippets.length, expected.length));

  snippets.forEach((code, index) => {
    test(`${page}: snippet ${index + 1}`, async (t) => {
      compileFunction(code, ['require', 'module', '__filename']);
      if (expected[index] === PARSED_ONLY) return;
      const broker = await createBroker({ port: 0 });
      t.after(() => broker.close());
      const here = code
        .replace(/amqp:\/\/(localhost|node-\w)/g, broker.url)
        .replaceAll('/tmp/', `${folder}/`);
      const file = path.join(folder, `${page.replace(/\W/g, '-')}-${index + 1}.js`);
      fs.writeFileSync(file, here);
      const programs = new Programs();
      t.after(() => programs.kill());
      const program = programs.start(file);
      await program.says(expected[index].says ?? expected[index]);
      if (!expected[index].goesOn) await program.ends();
    });
  });
}
