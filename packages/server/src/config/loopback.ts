// Which hosts only this machine can reach.
import { isIPv4 } from 'node:net';

/**
 * Whether a server bound to `host` is reachable from this machine alone: 127.0.0.0/8, ::1 and `localhost`.
 * Other names are not resolved: what they point to may change under us.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}
