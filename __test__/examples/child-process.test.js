'use strict';

const test = require('node:test');
const { Programs } = require('../../scripts/demo/programs');

test('spawn-parent.js prints what child.js answers, and its exit code', async (t) => {
  const programs = new Programs();
  t.after(() => programs.kill());
  const parent = programs.start('spawn-parent.js');
  await parent.says(/^Parent received: Child received: Hello from the parent$/);
  await parent.says(/^Child exited with code 0$/);
  await parent.ends();
});
