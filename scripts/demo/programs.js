'use strict';

// The processes of one demo step: started, listened to, and all gone when the step is over, however it ends. They run on
// Node's own child_process: what is shown must not depend on what shows it.

const { spawn } = require('node:child_process');
const path = require('node:path');
const readline = require('node:readline');

const examples = path.join(__dirname, '..', '..', 'examples');
const LABEL_WIDTH = 12;

class Program {
  #name;
  #child;
  #lines = [];
  #seen = 0;
  #changed = () => {};
  #ended;
  #outcome = null;

  constructor(file, args, { print, env }) {
    this.#name = path.basename(file, '.js');
    this.#child = spawn(process.execPath, [path.resolve(examples, file), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      readline.createInterface({ input: stream }).on('line', (line) => {
        print(`  ${this.#name.padEnd(LABEL_WIDTH)}| ${line}`);
        this.#lines.push(line);
        this.#changed();
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(error.message));
      this.#child.on('close', (code, signal) => resolve(signal ?? code));
    });
    this.#ended.then((outcome) => {
      this.#outcome = outcome;
      this.#changed();
    });
  }

  /** Rejects when the program ends with anything but code 0. */
  get failure() {
    return this.#ended.then((outcome) => {
      if (outcome === 0) return new Promise(() => {});
      throw new Error(`${this.#name} ended with ${outcome}`);
    });
  }

  /** Resolves with the match once a line matches that was not looked at before; with `next`, it must be the next one. */
  async says(pattern, { next = false } = {}) {
    for (;;) {
      while (this.#seen < this.#lines.length) {
        const line = this.#lines[this.#seen++];
        const match = pattern.exec(line);
        if (match) return match;
        if (next) throw new Error(`${this.#name} did not say ${pattern.source} but ${line}`);
      }
      if (this.#outcome !== null) {
        throw new Error(`${this.#name} ended with ${this.#outcome} and did not say ${pattern.source}`);
      }
      await new Promise((resolve) => (this.#changed = resolve));
    }
  }

  /** Resolves when the program ended by itself with that code, told to by `signal` where it runs until one. */
  async ends(signal, code = 0) {
    if (signal) this.#child.kill(signal);
    const outcome = await this.#ended;
    if (outcome !== code) throw new Error(`${this.#name} ended with ${outcome}`);
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

class Programs {
  #started = [];
  #settings;
  #fail;

  /** Rejects when any program of these ends with anything but code 0. */
  failure = new Promise((_, reject) => (this.#fail = reject));

  /** `print` is told each line that a program says, labelled; `env` is added to their environment. */
  constructor(print = () => {}, env = {}) {
    this.#settings = { print, env };
    this.failure.catch(() => {});
  }

  start(file, ...args) {
    const program = new Program(file, args, this.#settings);
    this.#started.push(program);
    program.failure.catch(this.#fail);
    return program;
  }

  async kill() {
    await Promise.all(this.#started.map((program) => program.kill()));
  }
}

module.exports = { Programs };
