// The tests of each file here, run by Jest under the register; see ../../test-runners.test.js.

const { expect, jest: runner, test } = require('@jest/globals');
const { echo, hash, pass } = require('./traffic');

module.exports = function defineTests(name) {
  const data = Buffer.alloc(2 << 20, name);

  test('the modules are ours, the same after resetModules(), and whole', async () => {
    const net = require('net');
    const childProcess = require('node:child_process');
    expect(typeof net.messages).toBe('function');
    expect(typeof childProcess.run).toBe('function');
    for (let round = 0; round < 3; round++) {
      runner.resetModules();
      expect(require('node:net')).toBe(net);
      const results = await Promise.all([
        echo(net, data),
        pass(childProcess, data),
        echo(require('net'), data),
      ]);
      expect(results).toEqual([hash(data), hash(data), hash(data)]);
    }
  });

  test('mocks', () => {
    runner.doMock('child_process');
    runner.resetModules();
    const childProcess = require('child_process');
    childProcess.execFileSync.mockReturnValue('mocked');
    expect(childProcess.execFileSync('true')).toBe('mocked');
    expect(runner.isMockFunction(childProcess.spawn)).toBe(true);
    const actual = runner.requireActual('child_process');
    expect(Object.keys(childProcess)).toEqual(expect.arrayContaining(Object.keys(actual)));
  });
};
