'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');

const root = path.join(__dirname, '..', '..');

test('the demo runs every step and ends with 0', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/demo.js'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
  for (const said of [
    'Parent received: Child received: Hello from the parent',
    'Client received: Echo: Hello from the TCP client',
    'Client received: Echo: Hello from the UNIX client',
    'Received: Hello from the publisher',
  ]) {
    assert.match(stdout, new RegExp(`^ {2}[\\w-]+ *\\| ${said}$`, 'm'));
  }
});

test('the demo names the step that fails and ends with 1', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  for (const entry of ['scripts/demo.js', 'scripts/demo', 'examples']) {
    fs.cpSync(path.join(root, entry), path.join(folder, entry), { recursive: true });
  }
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(root, path.join(folder, 'node_modules', 'oxipc'));
  fs.writeFileSync(path.join(folder, 'examples', 'tcp-client.js'), 'process.exit(3);');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/demo.js'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /The demo failed in step "TCP: server and client": tcp-client ended with 3/);
  assert.doesNotMatch(stdout, /UNIX socket/);
});
