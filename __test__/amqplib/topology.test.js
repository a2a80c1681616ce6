'use strict';

// The record of what was declared: what is declared again, in which order, under which names.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const args = require('../../lib/amqplib/arguments');
const { methods } = require('../../lib/amqplib/methods');
const { Topology } = require('../../lib/amqplib/topology');

/** A topology to which operations are told as channels tell them. */
function noted() {
  const topology = new Topology();
  const note = (method, fields, answer = {}) => topology.note(method, fields, answer);
  return {
    topology,
    queue: (name, options) =>
      note(methods.QueueDeclare, args.assertQueue(name, options), { queue: name || 'amq.gen-1' }),
    exchange: (name, options) => note(methods.ExchangeDeclare, args.assertExchange(name, 'topic', options)),
    bind: (...given) => note(methods.QueueBind, args.bindQueue(...given)),
    unbind: (...given) => note(methods.QueueUnbind, args.bindQueue(...given)),
    bindExchange: (...given) => note(methods.ExchangeBind, args.bindExchange(...given)),
    note,
  };
}

/** What a restore asks, in words. `answer(method, fields)` may give fields or throw. */
async function restored(topology, answer = () => ({})) {
  const asked = [];
  const renamed = [];
  await topology.restore(
    async (method, fields) => {
      const { queue, destination, exchange, source, routingKey = '', passive } = fields;
      const names = [queue ?? destination, exchange ?? source].filter((name) => name !== undefined);
      asked.push(`${passive ? 'passive ' : ''}${method.name} ${names.join(' < ')} ${routingKey}`.trim());
      return answer(method, fields);
    },
    (to, from) => renamed.push([from, to]),
  );
  return { asked, renamed };
}

test('exchanges come before queues, and these before bindings, each as declared last', async () => {
  const { topology, queue, exchange, bind, bindExchange, note } = noted();
  exchange('e1');
  queue('q1');
  bind('q1', 'e1', 'key');
  exchange('e2', { durable: false });
  bindExchange('e2', 'e1', 'all');
  queue('q2');
  queue('q1', { messageTtl: 5 });
  bind('q1', 'e1', 'key');
  note(methods.QueueDeclare, args.checkQueue('somebody else'), { queue: 'somebody else' });
  note(methods.ExchangeDeclare, args.checkExchange('somebody else'));
  const declared = [];
  const { asked } = await restored(topology, (method, fields) => declared.push([method, fields]));
  assert.deepEqual(asked, [
    'ExchangeDeclare e1',
    'ExchangeDeclare e2',
    'QueueDeclare q1',
    'QueueDeclare q2',
    'QueueBind q1 < e1 key',
    'ExchangeBind e2 < e1 all',
  ]);
  assert.deepEqual(declared[2][1].arguments, { 'x-message-ttl': 5 });
  assert.equal(declared[1][1].durable, false);
});

test('argument tables are those of the time of the call', async () => {
  const { topology, queue, bind, unbind } = noted();
  const table = { 'x-match': 'all', deep: { list: [1, 2n] }, bytes: Buffer.from('a') };
  queue('q', { arguments: table });
  bind('q', 'amq.headers', '', table);
  table.deep.list.push(3);
  table.bytes[0] = 98;
  const seen = [];
  await restored(topology, (_, fields) => seen.push(fields.arguments));
  const before = { 'x-match': 'all', deep: { list: [1, 2n] }, bytes: Buffer.from('a') };
  assert.deepEqual(seen, [before, before]);
  unbind('q', 'amq.headers', '', table);
  assert.equal((await restored(topology)).asked.length, 2, 'another binding');
  unbind('q', 'amq.headers', '', before);
  assert.deepEqual((await restored(topology)).asked, ['QueueDeclare q']);
});

test('deleting takes bindings along, and what deletes itself with its last binding', async () => {
  const { topology, queue, exchange, bind, bindExchange, note } = noted();
  exchange('top', { autoDelete: true });
  exchange('middle', { autoDelete: true });
  exchange('stays');
  queue('q');
  queue('other');
  bindExchange('middle', 'top', '');
  bind('q', 'middle', 'a');
  bind('q', 'stays', 'a');
  bind('other', 'middle', 'b');
  note(methods.QueueDelete, args.deleteQueue('other'));
  assert.equal((await restored(topology)).asked.length, 7);
  note(methods.QueueDelete, args.deleteQueue('q'));
  assert.deepEqual((await restored(topology)).asked, ['ExchangeDeclare stays']);
  note(methods.ExchangeDelete, args.deleteExchange('stays'));
  assert.deepEqual((await restored(topology)).asked, []);
});

test('queues that the broker named: found again, or renamed time after time', async () => {
  const { topology, queue, bind, unbind } = noted();
  queue('', { exclusive: true });
  bind('amq.gen-1', 'amq.topic', 'key');
  let count = 1;
  const answer = (method) => (method === methods.QueueDeclare ? { queue: `amq.gen-${++count}` } : {});
  for (let round = 1; round <= 5; round++) {
    const { asked, renamed } = await restored(topology, answer);
    const now = `amq.gen-${round + 1}`;
    assert.deepEqual(asked, ['QueueDeclare', `QueueBind ${now} < amq.topic key`]);
    assert.deepEqual(renamed, [[`amq.gen-${round}`, now]]);
    assert.equal(topology.nameOf('amq.gen-1'), now);
    assert.equal(topology.nameOf(`amq.gen-${round}`), now);
  }
  unbind(topology.nameOf('amq.gen-1'), 'amq.topic', 'key');
  topology.forgetQueue('amq.gen-6');
  assert.equal(topology.hasRenamed, false);
  assert.deepEqual((await restored(topology)).asked, []);

  queue('', { durable: true });
  assert.deepEqual((await restored(topology)).asked, ['passive QueueDeclare amq.gen-1']);
  const gone = await restored(topology, (_, { passive }) => {
    if (passive) throw Object.assign(new Error('gone'), { code: 404 });
    return { queue: 'new' };
  });
  assert.deepEqual(gone.renamed, [['amq.gen-1', 'new']]);
  const broken = restored(topology, () => {
    throw Object.assign(new Error('broken'), { code: 541 });
  });
  await assert.rejects(broken, /^Error: broken$/);
});
