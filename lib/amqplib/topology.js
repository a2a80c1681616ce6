'use strict';

// The exchanges, queues and bindings that were made through a connection: noted when the broker says so, forgotten when
// they are deleted, declared again on the next connection.

const { methods } = require('./methods');
const { snapshot } = require('./snapshot');

const NOT_FOUND = 404;

const record = (fields) => ({ ...fields, arguments: snapshot(fields.arguments) });

const bindingKey = (kind, { queue, destination, exchange, source, routingKey, arguments: table }) =>
  JSON.stringify(
    [kind, queue ?? destination, exchange ?? source, routingKey ?? '', table ?? {}],
    (_, value) => (typeof value === 'bigint' ? `${value}n` : value),
  );

class Topology {
  #exchanges = new Map();
  #queues = new Map();
  #bindings = new Map();
  #names = new Map();

  /** What a queue that the broker named is called now. */
  nameOf(queue) {
    return this.#names.size === 0 ? queue : (this.#names.get(queue) ?? queue);
  }

  get hasRenamed() {
    return this.#names.size > 0;
  }

  /** `method` with these fields was answered with `answer`. */
  note(method, fields, answer) {
    switch (method) {
      case methods.QueueDeclare:
        if (!fields.passive) this.#noteQueue(fields, answer.queue);
        break;
      case methods.ExchangeDeclare:
        if (!fields.passive) this.#exchanges.set(fields.exchange, record(fields));
        break;
      case methods.QueueBind:
      case methods.ExchangeBind:
        this.#bindings.set(bindingKey(method.classId, record(fields)), { method, fields: record(fields) });
        break;
      case methods.QueueUnbind:
      case methods.ExchangeUnbind:
        this.#forgetBindings([bindingKey(method.classId, record(fields))]);
        break;
      case methods.QueueDelete:
        this.forgetQueue(fields.queue);
        break;
      case methods.ExchangeDelete:
        this.#forgetExchange(fields.exchange);
        break;
    }
  }

  #noteQueue(fields, name) {
    this.#queues.set(name, { fields: { ...record(fields), queue: name }, isServerNamed: !fields.queue });
  }

  isAutoDelete(queue) {
    return this.#queues.get(queue)?.fields.autoDelete === true;
  }

  forgetQueue(name) {
    this.#queues.delete(name);
    for (const old of this.#namesOf(name)) this.#names.delete(old);
    this.#forgetBindings(this.#keysWhere(({ fields }) => fields.queue === name));
  }

  #forgetExchange(name) {
    this.#exchanges.delete(name);
    this.#forgetBindings(
      this.#keysWhere(
        ({ fields }) => sourceOf(fields) === name || (!isOfQueue(fields) && fields.destination === name),
      ),
    );
  }

  #keysWhere(isMeant) {
    return [...this.#bindings].filter(([, binding]) => isMeant(binding)).map(([key]) => key);
  }

  // With its last binding an exchange that deletes itself has gone.
  #forgetBindings(keys) {
    for (const key of keys) {
      const binding = this.#bindings.get(key);
      if (!this.#bindings.delete(key)) continue;
      const source = sourceOf(binding.fields);
      if (!this.#exchanges.get(source)?.autoDelete) continue;
      if (this.#keysWhere(({ fields }) => sourceOf(fields) === source).length === 0) {
        this.#forgetExchange(source);
      }
    }
  }

  /**
   * Declares all again; `ask(method, fields)` resolves with the broker's answer. Rejects with the first refusal.
   * `onRenamed(to, from)` hears of queues that have got another name.
   */
  async restore(ask, onRenamed) {
    for (const fields of [...this.#exchanges.values()]) await ask(methods.ExchangeDeclare, fields);
    for (const queue of [...this.#queues.values()]) await this.#restoreQueue(queue, ask, onRenamed);
    for (const { method, fields } of [...this.#bindings.values()]) await ask(method, fields);
  }

  async #restoreQueue({ fields, isServerNamed }, ask, onRenamed) {
    if (!isServerNamed) {
      await ask(methods.QueueDeclare, fields);
      return;
    }
    // Only the broker may give such names, so the queue is either still there or comes back under another.
    if (!fields.exclusive && (await isThere(fields.queue, ask))) return;
    const { queue } = await ask(methods.QueueDeclare, { ...fields, queue: '' });
    this.#rename(fields.queue, queue);
    onRenamed(queue, fields.queue);
  }

  #namesOf(queue) {
    return [...this.#names].filter(([, current]) => current === queue).map(([old]) => old);
  }

  // Programs know a queue by its first name, or by the last they were told of.
  #renameFor(from, to) {
    const [first, ...between] = this.#namesOf(from);
    if (first !== undefined) this.#names.set(first, to);
    for (const old of between) this.#names.delete(old);
    this.#names.set(from, to);
  }

  #rename(from, to) {
    const queue = this.#queues.get(from);
    this.#queues.delete(from);
    this.#queues.set(to, { ...queue, fields: { ...queue.fields, queue: to } });
    this.#renameFor(from, to);
    for (const [key, { method, fields }] of [...this.#bindings]) {
      if (fields.queue !== from) continue;
      const moved = { ...fields, queue: to };
      this.#bindings.delete(key);
      this.#bindings.set(bindingKey(method.classId, moved), { method, fields: moved });
    }
  }
}

const isOfQueue = (fields) => fields.destination === undefined;
const sourceOf = (fields) => (isOfQueue(fields) ? fields.exchange : fields.source);

async function isThere(queue, ask) {
  try {
    await ask(methods.QueueDeclare, { queue, passive: true });
    return true;
  } catch (error) {
    if (error.code === NOT_FOUND) return false;
    throw error;
  }
}

module.exports = { Topology };
