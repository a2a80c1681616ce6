'use strict';

// The channel of fork, as Node has it.

async function serve(codec, onMessage) {
  if (codec === 'raw') process.on('message', onMessage);
  else process.on('message', (value) => process.send(value));
  return null;
}

async function connect(partner) {
  const waiting = [];
  return {
    // Bytes would be an array of numbers in JSON: text is what it is best at.
    async send(value, count) {
      const text = value.toString('latin1');
      let isFull = false;
      for (let sent = 0; sent < count; sent++) {
        if (isFull) await new Promise((resolve) => partner.send(text, resolve));
        isFull = isFull ? false : !partner.send(text);
      }
    },
    // Answers come in the order of the requests.
    request(value) {
      if (waiting.length === 0 && partner.listenerCount('message') === 0)
        partner.on('message', (answer) => waiting.shift()(answer));
      return new Promise((resolve) => {
        waiting.push(resolve);
        partner.send(value);
      });
    },
    close: () => {},
  };
}

// About as long a run as the others'.
const oneWayCount = 100_000;

module.exports = { connect, file: __filename, oneWayCount, serve };
