'use strict';

// What was made from which inputs, so that a second run does nothing. Stamps lie in build/, which git ignores.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const stampFile = (name) => path.join(root, 'build', `${name}.json`);

function listFiles(entry) {
  const full = path.join(root, entry);
  if (!fs.existsSync(full)) return [];
  if (!fs.statSync(full).isDirectory()) return [entry];
  const inside = fs.readdirSync(full, { recursive: true, withFileTypes: true });
  return inside
    .filter((file) => file.isFile())
    .map((file) => path.relative(root, path.join(file.parentPath ?? file.path, file.name)));
}

/** One digest over names and contents of the files (folders: of all in them) given relative to the project. */
function digest(entries) {
  const hash = createHash('sha256');
  for (const file of entries.flatMap(listFiles).sort()) {
    hash
      .update(`${file}\0`)
      .update(fs.readFileSync(path.join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

function readStamp(name) {
  try {
    return JSON.parse(fs.readFileSync(stampFile(name), 'utf8'));
  } catch {
    return {};
  }
}

function writeStamp(name, value) {
  fs.mkdirSync(path.dirname(stampFile(name)), { recursive: true });
  fs.writeFileSync(stampFile(name), `${JSON.stringify(value)}\n`);
}

module.exports = { digest, readStamp, root, writeStamp };
