// Protocols that switch to TLS on a connection of ours, by packages unchanged (`node --import oxipc/register`).

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { before, test } = require('node:test');
const { promisify } = require('node:util');

const { makeCertificates } = require('../../scripts/rabbitmq-server/certificates');
const { ensurePackages } = require('../../scripts/setup/packages');

const register = path.join(__dirname, '../../lib/register.js');
const LIMIT_MS = 60_000;

before(() => ensurePackages(path.join('__test__', 'clients')));

async function run(t, program) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-starttls-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  makeCertificates(folder);
  const args = ['--import', register, path.join(__dirname, 'programs', program), path.join(folder, 'tls')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LIMIT_MS });
  return JSON.parse(stdout);
}

test('basic-ftp and ftp-srv: TLS on control and data connections', async (t) => {
  assert.deepEqual(await run(t, 'ftp.js'), {
    encrypted: true,
    listed: 8,
    sizes: true,
    left: 8,
    ours: true,
  });
});

test('nodemailer and smtp-server: STARTTLS', async (t) => {
  assert.deepEqual(await run(t, 'mail.js'), { mails: 20, whole: 20, secure: true, ours: true });
});
