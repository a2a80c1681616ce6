'use strict';

// The receiving process: node partner.js CONTENDER CODEC COUNT... Reports when it has received each COUNT of messages.

const { mainThreadCpu } = require('../thread-cpu');

const [contender, codec, ...counts] = process.argv.slice(2);
const milestones = counts.map(Number);
const { serve } = require(contender);

let received = 0;
function onMessage() {
  if (++received !== milestones[0]) return;
  milestones.shift();
  process.send({ received, cpu: mainThreadCpu() });
}

serve(codec, onMessage).then((address) => process.send({ address }));
process.on('disconnect', () => process.exit());
