// node --import oxipc/register pg.js FOLDER PORT: work that programs give a PostgreSQL. Prints what came of it as JSON.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { Client, Pool } = require('pg');

const [, , folder, port] = process.argv;
const ROWS = 20_000;
const QUERIES = 2_000;
const LARGE = Buffer.alloc(4 << 20, 'postgres');

async function work(client) {
  await client.query(
    'CREATE TEMP TABLE items (id int PRIMARY KEY, name text, data bytea, at timestamptz DEFAULT now())',
  );
  await client.query(
    `INSERT INTO items (id, name) SELECT number, 'item ' || number FROM generate_series(1, ${ROWS}) number`,
  );
  const { rows } = await client.query('SELECT id, name FROM items ORDER BY id');
  assert.equal(rows.length, ROWS);
  assert.deepEqual(rows[76], { id: 77, name: 'item 77' });

  // All at once: they wait in the client and go out one behind the other.
  const answers = await Promise.all(
    Array.from({ length: QUERIES }, (_, index) =>
      client.query({ name: 'one', text: 'SELECT name FROM items WHERE id = $1', values: [index + 1] }),
    ),
  );
  assert.ok(answers.every(({ rows }, index) => rows[0].name === `item ${index + 1}`));

  await client.query('UPDATE items SET data = $1 WHERE id = 1', [LARGE]);
  const large = await client.query('SELECT data FROM items WHERE id = 1');
  assert.ok(large.rows[0].data.equals(LARGE));

  await client.query('BEGIN');
  await client.query('DELETE FROM items');
  await client.query('ROLLBACK');
  assert.equal((await client.query('SELECT count(*)::int AS count FROM items')).rows[0].count, ROWS);
  await assert.rejects(client.query('SELECT * FROM nothing'), { code: '42P01' });
  const [first, second] = await client.query('SELECT 1 AS one; SELECT 2 AS two');
  assert.deepEqual([first.rows, second.rows], [[{ one: 1 }], [{ two: 2 }]]);
  return answers.length;
}

async function notify(client, options) {
  const listener = new Client(options);
  await listener.connect();
  await listener.query('LISTEN news');
  const heard = once(listener, 'notification');
  await client.query(`NOTIFY news, 'hello'`);
  assert.equal((await heard)[0].payload, 'hello');
  await listener.end();
}

// The server ends a connection in the middle of a query.
async function terminate(client, options) {
  const victim = new Client(options);
  victim.on('error', () => {});
  await victim.connect();
  const { rows } = await victim.query('SELECT pg_backend_pid() AS pid');
  const asleep = victim.query('SELECT pg_sleep(600)');
  const [outcome] = await Promise.all([
    asleep.then(assert.fail, (error) => error.code),
    client.query('SELECT pg_terminate_backend($1)', [rows[0].pid]),
  ]);
  assert.equal(outcome, '57P01');
}

async function pooled(options) {
  const pool = new Pool({ ...options, max: 8 });
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, index) => pool.query('SELECT $1::int * 2 AS twice', [index])),
  );
  assert.ok(answers.every(({ rows }, index) => rows[0].twice === 2 * index));
  await pool.end();
}

async function main() {
  const results = {};
  for (const [name, target] of Object.entries({ UNIX: { host: folder }, TCP: { host: '127.0.0.1', port } })) {
    const options = { ...target, user: 'postgres', database: 'postgres' };
    const client = new Client(options);
    await client.connect();
    const { stream } = client.connection;
    results[`${name} is ours`] =
      stream instanceof net.Socket && Symbol.for('oxipc.net.sendDescriptors') in stream;
    results[name] = await work(client);
    await notify(client, options);
    await terminate(client, options);
    await pooled(options);
    await client.end();
  }
  console.log(JSON.stringify(results));
}

main();
