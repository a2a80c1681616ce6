// node --import oxipc/register nano-spawn.mjs: what nano-spawn's users do with it. Prints what came of it as JSON.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import spawn, { SubprocessError } from 'nano-spawn';

const { cache } = createRequire(import.meta.url);
const node = process.execPath;
const print = (text) => [node, ['-p', text]];

const { stdout } = await spawn(...print('"out"'));
// The result of a pipe is the last one's output, when all of them have ended.
const piped = [];
for (let round = 0; round < 20; round++) {
  const { stdout: last } = await spawn('echo', [`round ${round}`])
    .pipe('cat')
    .pipe('tr', ['a-z', 'A-Z']);
  piped.push(last);
}
const large = await spawn(node, ['-e', 'process.stdout.write("x".repeat(3000000))']).pipe('cat');
const lines = [];
for await (const line of spawn(...print('"a\\nb\\nc"'))) lines.push(line);
const failed = await spawn(node, ['-e', 'console.error("no"); process.exit(3)']).catch((error) => error);
const stopped = await spawn('sleep', ['60'], { timeout: 50 }).catch((error) => error);

console.log(
  JSON.stringify({
    stdout,
    piped: piped.every((text, round) => text === `ROUND ${round}`),
    large:
      createHash('sha256').update(large.stdout).digest('hex') ===
      createHash('sha256').update('x'.repeat(3e6)).digest('hex'),
    lines,
    input: (await spawn('cat', { stdin: { string: 'given' } })).stdout,
    failed: [failed instanceof SubprocessError, failed.exitCode, failed.stderr],
    stopped: [stopped instanceof SubprocessError, stopped.signalName],
    ours: Object.keys(cache).some((name) => name.endsWith('/lib/child_process.js')),
  }),
);
