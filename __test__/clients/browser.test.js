// A browser, driven by playwright-core unchanged (`node --import oxipc/register`).

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { before, test } = require('node:test');
const { promisify } = require('node:util');

const { onPath } = require('../../scripts/setup/debian');
const { ensurePackages } = require('../../scripts/setup/packages');

const register = path.join(__dirname, '../../lib/register.js');
const chromium = onPath('chromium');
const LIMIT_MS = 120_000;

before(() => ensurePackages(path.join('__test__', 'clients')));

const skip = !chromium && 'no chromium on PATH (Debian: the package chromium)';

test('playwright-core drives Chromium', { skip }, async () => {
  const args = ['--import', register, path.join(__dirname, 'programs', 'browser.js'), chromium];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LIMIT_MS });
  assert.deepEqual(JSON.parse(stdout), {
    title: 'served',
    button: '1',
    text: true,
    image: 'PNG',
    connected: false,
    ours: true,
  });
});
