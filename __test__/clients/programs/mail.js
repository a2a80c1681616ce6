// node --import oxipc/register mail.js FOLDER: nodemailer and smtp-server with STARTTLS, in the folder with ca.pem,
// server.pem and server.key. Prints what came of it as JSON.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { createTransport } = require('nodemailer');
const { SMTPServer } = require('smtp-server');

const [, , folder] = process.argv;
const file = (name) => fs.readFileSync(path.join(folder, name));
const MAILS = 20;
const attachment = (index) => Buffer.alloc(100_000 * index, `attachment ${index} `);

async function main() {
  const received = [];
  const server = new SMTPServer({
    key: file('server.key'),
    cert: file('server.pem'),
    hideSTARTTLS: false,
    onAuth: ({ username, password }, _, done) => done(null, password === 'secret' && { user: username }),
    onData(stream, session, done) {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('end', () => {
        received.push({
          secure: session.secure,
          user: session.user,
          text: Buffer.concat(chunks).toString('latin1'),
        });
        done();
      });
    },
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  const transport = createTransport({
    host: 'localhost',
    port: server.server.address().port,
    requireTLS: true,
    tls: { ca: file('ca.pem') },
    auth: { user: 'me', pass: 'secret' },
    pool: true,
    maxConnections: 3,
  });
  const mails = Array.from({ length: MAILS }, (_, index) => ({
    from: 'me@example.com',
    to: 'you@example.com',
    subject: `mail ${index}`,
    text: createHash('sha256').update(attachment(index)).digest('hex'),
    attachments: [{ filename: 'a', content: attachment(index) }],
  }));
  await Promise.all(mails.map((mail) => transport.sendMail(mail)));
  transport.close();
  await new Promise((resolve) => server.close(resolve));

  const whole = ({ text }) => {
    const encoded = text
      .split('base64')
      .at(-1)
      .split('--')[0]
      .replaceAll(/Content-[^\n]*\n( [^\n]*\n)*|\s/g, '');
    const hash = createHash('sha256').update(Buffer.from(encoded, 'base64')).digest('hex');
    return text.includes(hash);
  };
  console.log(
    JSON.stringify({
      mails: received.length,
      whole: received.filter(whole).length,
      secure: received.every(({ secure, user }) => secure && user === 'me'),
      ours: Object.keys(require.cache).some((name) => name.endsWith('/lib/net.js')),
    }),
  );
}

main();
