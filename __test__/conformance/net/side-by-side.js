'use strict';

// Runs one scenario with Node's net and with ours and compares what a program would have seen.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const nodesNet = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const oursNet = require('../../../lib/net');

const major = Number(process.versions.node.split('.')[0]);

class Recorder {
  constructor() {
    this.entries = [];
    this.names = new Map();
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'net-'));
    this.named(this.directory, 'DIR');
  }

  // From now on `value` (a port, a path, a descriptor) reads as `name`: it differs from run to run.
  named(value, name) {
    this.names.set(String(value), `<${name}>`);
    return value;
  }

  path(name) {
    return path.join(this.directory, name);
  }

  log = (...values) => {
    this.entries.push(values.map(describe));
  };

  // Logs these events of an emitter with their arguments, under a label.
  watch(label, emitter, events) {
    for (const event of events) emitter.on(event, (...args) => this.log(label, event, ...args));
    return emitter;
  }

  // What is thrown, or what is returned.
  attempt(label, action) {
    try {
      this.log(label, 'returned', typeof action());
    } catch (error) {
      this.log(label, 'threw', error);
    }
  }

  finished() {
    fs.rmSync(this.directory, { recursive: true, force: true });
    const names = [...this.names].sort(([a], [b]) => b.length - a.length);
    const rename = (text) => names.reduce((result, [value, name]) => replaceWhole(result, value, name), text);
    return this.entries.map((entry) => rename(JSON.stringify(entry)));
  }
}

function replaceWhole(text, value, name) {
  const escaped = value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`(?<![\\w])${escaped}(?![\\w])`, 'g'), name);
}

function describe(value) {
  if (value instanceof Error) return describeError(value);
  if (Buffer.isBuffer(value)) return { buffer: value.toString() };
  if (typeof value === 'function') return { function: value.name };
  if (value === undefined) return 'undefined';
  if (value instanceof oursNet.Socket || value instanceof nodesNet.Socket) return '[Socket]';
  if (value instanceof oursNet.Server || value instanceof nodesNet.Server) return '[Server]';
  return value;
}

function describeError(error) {
  const fields = { class: error.constructor.name, name: error.name, message: error.message };
  for (const key of Object.keys(error)) fields[key] = describe(error[key]);
  if (error.errors) fields.errors = error.errors.map(describe);
  fields.stackHeader = error.stack.split('\n    at ')[0];
  return fields;
}

async function run(net, scenario) {
  const recorder = new Recorder();
  await scenario({ net, ...bind(recorder) });
  return recorder.finished();
}

function bind(recorder) {
  const methods = ['named', 'path', 'watch', 'attempt'].map((name) => [name, recorder[name].bind(recorder)]);
  return { log: recorder.log, ...Object.fromEntries(methods) };
}

// `since` and `until`: the major versions whose net shows this behaviour; on others ours has it and Node not.
function sameAsNode(name, { since = 20, until = Infinity, timeout = 20_000 } = {}, scenario) {
  const skip = (major < since || major > until) && `Node ${major} itself does not do this`;
  test(name, { skip, timeout }, async () => {
    const nodes = await run(nodesNet, scenario);
    const ours = await run(oursNet, scenario);
    assert.deepEqual(ours, nodes);
    assert.notEqual(nodes.length, 0, 'the scenario logged nothing');
  });
}

module.exports = { sameAsNode, major };
