'use strict';

// Connecting: forms of the address, credentials, failures, what is agreed on.

const dns = require('node:dns');
const net = require('node:net');
const { once } = require('node:events');

const { freePort } = require('../../../scripts/rabbitmq-server/free-port');
const { refusingPort } = require('../../support/refusing-port');
const { sideBySide, sideBySideAlone } = require('./side-by-side');

/** A timeout that nothing here reaches. */
const LIMIT_MS = 60_000;

sideBySide('URLs, objects and options connect alike', async (scenario) => {
  const { hostname, port, username, password } = new URL(scenario.url);
  const base = { hostname, port: Number(port), username: username || 'guest', password: password || 'guest' };
  const { library } = scenario;
  const { credentials } = library;
  const forms = {
    url: [scenario.url],
    object: [base],
    'object with protocol': [{ ...base, protocol: 'amqp', vhost: '/', locale: 'en_US' }],
    'port as text': [{ ...base, port }],
    'port too large': [{ ...base, port: 70000 }],
    'port no number': [{ ...base, port: 'amqp' }],
    'port of another type': [{ ...base, port: true }],
    'timeout as text': [base, { timeout: `${LIMIT_MS}` }],
    'timeout below zero': [base, { timeout: -1 }],
    'response as text': [base, { credentials: { mechanism: 'PLAIN', response: () => '\0guest\0guest' } }],
    'more than can be said': [{ ...base, channelMax: 70000, heartbeat: 70000, frameMax: 2 ** 40 }],
    'heartbeat below zero': [{ ...base, heartbeat: -1 }],
    'channelMax below zero': [{ ...base, channelMax: '-1' }],
    'frameMax below zero': [{ ...base, frameMax: -5 }],
    'vhost escaped': [{ ...base, vhost: '%2F' }],
    'plain credentials': [base, { credentials: credentials.plain(base.username, base.password) }],
    'amqplain credentials': [base, { credentials: credentials.amqplain(base.username, base.password) }],
    // Not looked at, there as here: what is in the object is user name and password.
    'object with credentials': [{ ...base, credentials: credentials.plain('nobody', 'wrong') }],
    'external credentials': [base, { credentials: credentials.external() }],
    'client properties': [base, { clientProperties: { connection_name: 'mine', nested: { a: [1] } } }],
    'socket options': [base, { noDelay: true, keepAlive: true, keepAliveDelay: 1000, timeout: LIMIT_MS }],
    'wrong password': [{ ...base, password: 'wrong' }],
    'no password': [{ ...base, password: undefined }],
    'unknown vhost': [{ ...base, vhost: 'oxipc-unknown' }],
    'empty vhost': [{ ...base, vhost: '' }],
    'small maxFrameSize': [{ ...base, maxFrameSize: 5 }],
    'small frameMax': [{ ...base, frameMax: 7 }],
    'text maxFrameSize': [{ ...base, maxFrameSize: 'many' }],
    'no maxFrameSize': [{ ...base, maxFrameSize: 0 }],
    'text heartbeat': [{ ...base, heartbeat: 'often' }],
    'text frameMax': [{ ...base, frameMax: 'large' }],
    'wrong protocol': [{ ...base, protocol: 'http' }],
    'wrong URL': ['blurble'],
    'other URL': ['http://localhost'],
    'URL query': [`${scenario.url}?heartbeat=5&frameMax=8192&channelMax=10&locale=en_US`],
    'URL maxFrameSize': [`${scenario.url}?maxFrameSize=5`],
    'URL largest frame': [`${scenario.url}?maxFrameSize=0&heartbeat=21&heartbeat=22`],
    'long vhost': [{ ...base, vhost: 'v'.repeat(300) }],
    'client property wrong': [base, { clientProperties: { wrong: () => {} } }],
  };
  for (const [label, values] of Object.entries(forms)) {
    await scenario.outcome(label, async () => {
      const connection = await library.connect(...values);
      const { heartbeat, frameMax, channelMax, serverProperties } = connection.connection;
      await connection.close();
      return { heartbeat, frameMax, channelMax, product: serverProperties.product };
    });
  }
});

sideBySide('what heartbeat, frameMax and channelMax ask for is negotiated alike', async (scenario) => {
  for (const wish of [
    {},
    { heartbeat: 0 },
    { heartbeat: 20 },
    { heartbeat: 1000 },
    { heartbeat: null },
    { frameMax: 4096 },
    { frameMax: 0 },
    { frameMax: 1 << 20 },
    { channelMax: 5 },
    { channelMax: 0 },
  ]) {
    const { hostname, port } = new URL(scenario.url);
    await scenario.outcome(JSON.stringify(wish), async () => {
      const connection = await scenario.library.connect({ hostname, port: Number(port), ...wish });
      const { heartbeat, frameMax, channelMax } = connection.connection;
      await connection.close();
      return { heartbeat, frameMax, channelMax };
    });
  }
});

sideBySide('server properties are decoded alike', async (scenario) => {
  const connection = await scenario.connect();
  scenario.write(connection.connection.serverProperties);
  await connection.close();
});

sideBySide('channels run out alike', async (scenario) => {
  const connection = await scenario.library.connect(`${scenario.url}?channelMax=3`);
  const channels = [];
  for (let index = 0; index < 3; index++) channels.push(await connection.createChannel());
  scenario.write(channels.map(({ ch }) => ch));
  await scenario.outcome('one more', () => connection.createChannel());
  await channels[1].close();
  const again = await connection.createChannel();
  scenario.write(again.ch);
  await connection.close();
});

// A peer that is no broker: what each library makes of it, with the port taken out of the texts.
async function withPeer(behave, use) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    behave(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(server.address().port);
  } finally {
    server.close();
  }
}

const frame = (type, channel, payload) => {
  const bytes = Buffer.alloc(payload.length + 8);
  bytes[0] = type;
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(payload.length, 3);
  payload.copy(bytes, 7);
  bytes[bytes.length - 1] = 206;
  return bytes;
};
const start = (mechanisms) => {
  const payload = Buffer.alloc(4 + 2 + 4 + 4 + mechanisms.length + 4 + 5);
  payload.writeUInt32BE(0x000a000a, 0);
  payload[5] = 9;
  payload.writeUInt32BE(mechanisms.length, 10);
  payload.write(mechanisms, 14);
  payload.writeUInt32BE(5, 14 + mechanisms.length);
  payload.write('en_US', 18 + mechanisms.length);
  return frame(1, 0, payload);
};
const method = (classId, methodId, ...rest) =>
  frame(1, 0, Buffer.concat([Buffer.from([0, classId, 0, methodId]), Buffer.from(rest)]));

// Answers the n-th thing that arrives with the n-th of these.
const script =
  (...answers) =>
  (socket) => {
    socket.on('data', () => {
      const answer = answers.shift();
      if (answer === 'end') socket.end();
      else if (answer === 'destroy') socket.destroy();
      else if (answer) socket.write(answer);
    });
  };

const PEERS = {
  'ends at once': () => script('end'),
  'ends after start': () => script(start('PLAIN'), 'end'),
  'speaks another version': () => script(Buffer.from('AMQP\0\0\x09\x01')),
  'speaks HTTP': () => script(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  'wrong frame end': () => script(Buffer.from([1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 10, 0])),
  'large frame': () => script(Buffer.from([1, 0, 0, 0x7f, 0, 0, 0, 0])),
  'no mechanism': () => script(start('EXTERNAL CRAM')),
  secure: () => script(start('PLAIN'), method(10, 20, 0, 0, 0, 0)),
  'open-ok instead of start': () => script(method(10, 41, 0)),
  'open-ok instead of tune': () => script(start('PLAIN'), method(10, 41, 0)),
  'small frames': () => script(start('PLAIN'), method(10, 30, 0, 10, 0, 0, 0x0f, 0xff, 0, 0)),
  'close instead of tune': () =>
    script(start('PLAIN'), method(10, 50, 0x01, 0x93, 3, 0x6e, 0x6f, 0x21, 0, 0, 0, 0)),
  'method on channel 1': () => script(Buffer.concat([frame(1, 1, Buffer.from([0, 20, 0, 11, 0, 0, 0, 0]))])),
};

sideBySide('peers that are no brokers give the same errors', async (scenario) => {
  for (const [label, makeScript] of Object.entries(PEERS)) {
    await withPeer(makeScript(), (port) =>
      scenario.outcome(label, () =>
        scenario.library.connect(`amqp://127.0.0.1:${port}`, { timeout: LIMIT_MS }),
      ),
    );
  }
});

sideBySide('a refused or unknown address, or silence, gives the same error', async (scenario) => {
  const refusing = refusingPort();
  await scenario.outcome('refused', async () => {
    try {
      return await scenario.library.connect(`amqp://127.0.0.1:${refusing.port}`);
    } catch (error) {
      error.message = error.message.replace(`${refusing.port}`, 'PORT');
      error.port = 'PORT';
      throw error;
    }
  });
  refusing.close();
  await scenario.outcome('unknown', () => scenario.library.connect('amqp://no-such-host.invalid'));
  await withPeer(
    () => {},
    (port) =>
      scenario.outcome('silent', () => scenario.library.connect(`amqp://127.0.0.1:${port}`, { timeout: 50 })),
  );
  await scenario.outcome('no socket', () =>
    scenario.library.connect('amqp://localhost', { path: '/nonexistent/socket' }),
  );
});

// Accepts and hangs up; writes down where the connection came from.
async function withHangingUp(scenario, use) {
  const server = net.createServer((socket) => {
    scenario.write('from', socket.remoteAddress);
    socket.once('data', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(server.address().port);
  } finally {
    server.close();
  }
}

// An error with ports that differ from run to run.
const withoutPorts = (error, ...ports) => {
  for (const port of ports) error.message = error.message.replaceAll(`${port}`, 'PORT');
  for (const name of ['port', 'localPort']) if (name in error) error[name] = ports.indexOf(error[name]);
  return error;
};

sideBySideAlone('where the connection comes from is followed alike', async (scenario) => {
  await withHangingUp(scenario, async (port) => {
    const url = `amqp://127.0.0.1:${port}`;
    for (const options of [
      { localAddress: '127.0.0.1' },
      { localAddress: '127.0.0.2' },
      { localAddress: '192.0.2.1' },
      { localAddress: '::1' },
      { localAddress: 'localhost' },
      { localAddress: '' },
      { localPort: '5000' },
      { localPort: port },
      { localPort: 0 },
      { localAddress: '127.0.0.1', localPort: port },
    ]) {
      await scenario.outcome(JSON.stringify(options).replace(`${port}`, 'PORT'), () =>
        scenario.library.connect(url, options).catch((error) => {
          throw withoutPorts(error, port);
        }),
      );
    }
  });
});

sideBySideAlone('a refused connection says where it came from alike', async (scenario) => {
  const refusing = refusingPort();
  const local = await freePort();
  for (const options of [
    { localAddress: '127.0.0.1' },
    { localPort: local },
    { localAddress: '127.0.0.1', localPort: local },
  ]) {
    await scenario.outcome(JSON.stringify(options).replace(`${local}`, 'PORT'), () =>
      scenario.library.connect(`amqp://127.0.0.1:${refusing.port}`, options).catch((error) => {
        throw withoutPorts(error, refusing.port, local);
      }),
    );
  }
  refusing.close();
});

sideBySideAlone('names are looked up with the same options', async (scenario) => {
  await withHangingUp(scenario, async (port) => {
    for (const options of [
      {},
      { family: 4 },
      { family: 'IPv4' },
      { family: 0 },
      { hints: dns.V4MAPPED },
      { autoSelectFamily: false },
      { localAddress: '127.0.0.1' },
      { lookup: 'system' },
    ]) {
      const lookup = (host, query, callback) => {
        scenario.write('lookup', host, { ...query });
        const found = ['127.0.0.1', '127.0.0.1'].map((address) => ({ address, family: 4 }));
        if (query.all) callback(null, found);
        else callback(null, found[0].address, 4);
      };
      await scenario.outcome(JSON.stringify(options), () =>
        scenario.library.connect(`amqp://broker.invalid:${port}`, {
          lookup,
          // The second address is not tried because the first is slow.
          autoSelectFamilyAttemptTimeout: LIMIT_MS,
          ...options,
        }),
      );
    }
  });
});
