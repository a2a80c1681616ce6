// The tests of each file here, run by vitest under the register; see ../../test-runners.test.js.

import childProcess, { execFileSync, spawn } from 'node:child_process';
import net from 'net';
import { expect, test, vi } from 'vitest';
import { echo, hash, pass } from '../jest/traffic.js';

export function defineTests(name) {
  const data = Buffer.alloc(2 << 20, name);

  test('the modules are ours and whole', async () => {
    expect(typeof net.messages).toBe('function');
    expect(typeof childProcess.run).toBe('function');
    const results = await Promise.all([echo(net, data), pass({ spawn }, data), echo(net, data)]);
    expect(results).toEqual([hash(data), hash(data), hash(data)]);
  });

  test('mocks', async () => {
    const spy = vi.spyOn(childProcess, 'execFileSync').mockReturnValue('mocked');
    expect(childProcess.execFileSync('true')).toBe('mocked');
    spy.mockRestore();
    expect(childProcess.execFileSync).toBe(execFileSync);
    vi.doMock('node:child_process', () => ({ spawn: 'mocked' }));
    expect((await import('node:child_process')).spawn).toBe('mocked');
  });
}
