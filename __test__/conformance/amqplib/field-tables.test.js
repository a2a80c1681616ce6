'use strict';

// Field tables: which type a JavaScript value becomes, and what comes back.

const { sideBySide } = require('./side-by-side');

const VALUES = {
  numbers: [0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32768, -32769, 2147483647, 2147483648],
  larger: [
    -2147483648,
    -2147483649,
    2 ** 50 - 1,
    2 ** 50,
    2 ** 53,
    -(2 ** 53),
    2 ** 62,
    -(2 ** 63),
    2 ** 63,
    2 ** 70,
  ],
  fractions: [0.5, -0.5, 1.1, 2 ** 49 + 0.5, Math.PI, 1e300],
  text: ['', 'text', 'ünïcödé €', 'x'.repeat(1000)],
  simple: [true, false, null],
  buffers: [Buffer.from([1, 2, 3]), Buffer.alloc(0)],
  nested: [{ a: { b: { c: [1, [2, [3, { d: null }]]] } } }, [], {}, [{}, []]],
  typed: [
    { '!': 'int8', value: -5 },
    { '!': 'byte', value: 5 },
    { '!': 'uint8', value: 250 },
    { '!': 'unsignedbyte', value: 250 },
    { '!': 'int16', value: -300 },
    { '!': 'short', value: 300 },
    { '!': 'uint16', value: 60000 },
    { '!': 'unsignedshort', value: 60000 },
    { '!': 'int32', value: -70000 },
    { '!': 'int', value: 70000 },
    { '!': 'uint32', value: 4000000000 },
    { '!': 'unsignedint', value: 4000000000 },
    { '!': 'int64', value: -5 },
    { '!': 'long', value: 5n },
    { '!': 'int64', value: 9007199254740993n },
    { '!': 'float', value: 1.5 },
    { '!': 'double', value: 5 },
    { '!': 'float64', value: 5 },
    { '!': 'timestamp', value: 1234567890 },
    { '!': 'timestamp', value: 2n ** 60n },
    { '!': 'decimal', value: { places: 2, digits: 12345 } },
    { '!': 'string', value: 'typed' },
    { '!': 'boolean', value: 1 },
    { '!': 'object', value: { inner: 1 } },
  ],
};

sideBySide('values come back as the same values', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const [name, values] of Object.entries(VALUES)) {
    for (const value of values) {
      channel.sendToQueue(queue, Buffer.from(name), { headers: { value, list: [value] } });
      let message = false;
      while (!message) message = await channel.get(queue, { noAck: true });
      scenario.write(name, message.properties.headers);
    }
  }
  await connection.close();
});

sideBySide('values that cannot be encoded throw alike', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const values = [
    { '!': 'int8', value: 200 },
    { '!': 'uint16', value: -1 },
    { '!': 'int64', value: 1.5 },
    { '!': 'int64', value: 2n ** 70n },
    { '!': 'timestamp', value: -1 },
    { '!': 'decimal', value: { places: 300, digits: 1 } },
    { '!': 'decimal', value: { digits: 1 } },
    { '!': 'decimal', value: 5 },
    { '!': 'nonsense', value: 5 },
    { '!': 'string', value: 5 },
    undefined,
    () => {},
    Symbol('symbol'),
    5n,
    NaN,
  ];
  for (const value of values) {
    await scenario.outcome(String(value?.['!']), () =>
      channel.publish('amq.fanout', '', Buffer.from(''), { headers: { value } }),
    );
  }
  await connection.close();
});

sideBySide('the wire holds the same types', async (scenario) => {
  const connection = await scenario.connect();
  const queue = scenario.name('types');
  const channel = await connection.createChannel();
  // RabbitMQ compares a re-declaration's arguments by type and names both when they differ.
  for (const [index, value] of [1, 128, 40000, 2 ** 40, 1.5, 'text', true, Buffer.from('b')].entries()) {
    await channel.assertQueue(`${queue}.${index}`, { durable: false, arguments: { 'x-max-length': 1 } });
    const other = await connection.createChannel();
    other.on('error', () => {});
    await scenario.outcome(String(value), () =>
      other.assertQueue(`${queue}.${index}`, { durable: false, arguments: { 'x-max-length': value } }),
    );
    await channel.deleteQueue(`${queue}.${index}`);
  }
  await connection.close();
});
