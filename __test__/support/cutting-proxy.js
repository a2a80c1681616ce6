'use strict';

// A TCP proxy in front of a broker that hangs up when a test says so: now, or in the middle of a frame.

const net = require('node:net');
const { once } = require('node:events');

class CuttingProxy {
  #target;
  #server;
  #pairs = new Set();
  /** Bytes after which the next connection is cut: { up } from the client, { down } from the broker. */
  next = {};
  /** Whether new connections are hung up on. */
  isAway = false;
  /** Connections that have come. */
  count = 0;

  constructor(target) {
    const { hostname, port } = new URL(target);
    this.#target = { host: hostname, port: Number(port) || 5672 };
  }

  async listen() {
    this.#server = net.createServer((client) => this.#accept(client));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `amqp://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  #accept(client) {
    client.on('error', () => {});
    if (this.isAway) {
      client.destroy();
      return;
    }
    this.count++;
    const broker = net.connect(this.#target);
    const pair = { client, broker };
    this.#pairs.add(pair);
    const { up = Infinity, down = Infinity } = this.next;
    this.next = {};
    broker.on('error', () => {});
    this.#forward(pair, client, broker, up);
    this.#forward(pair, broker, client, down);
  }

  #forward(pair, from, to, most) {
    let left = most;
    from.on('data', (bytes) => {
      to.write(bytes.subarray(0, left));
      left -= bytes.length;
      // What is written before goes out whole.
      if (left <= 0) to.end(() => this.#cut(pair));
    });
    from.on('close', () => this.#cut(pair));
  }

  #cut(pair) {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.broker.destroy();
  }

  /** Hangs up on everybody. */
  cut() {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

/** A proxy in front of the broker at `url`, which goes away with the test. */
async function cuttingProxy(t, url) {
  const proxy = await new CuttingProxy(url).listen();
  t.after(() => proxy.close());
  return proxy;
}

module.exports = { cuttingProxy };
