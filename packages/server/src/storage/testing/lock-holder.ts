// Child process of the lock tests: takes the data directory named in its first argument, says so, then holds it until
// it is killed, or lets go as soon as its input closes.
import { writeSync } from 'node:fs';
import { systemClock, toAmaasError } from '@amaas/core';
import { lockDataDir } from '../data-dir-lock.ts';

try {
  const lock = lockDataDir(process.argv[2] ?? '', systemClock);
  writeSync(1, 'locked\n');
  process.stdin.resume();
  process.stdin.on('end', () => lock.release());
} catch (error) {
  const { reason, message } = toAmaasError(error);
  writeSync(1, `${reason} ${message}\n`);
  process.exitCode = 3;
}
