// Reads a process's memory where the system tells it for other processes: on Linux, from /proc.
import { readFileSync } from 'node:fs';

/**
 * Resident bytes now (`VmRSS`) or at their highest since the program started (`VmHWM`); null where the system does not
 * tell or the process is gone. getrusage's maximum would not do: a child starts with its parent's.
 */
export function readStatusBytes(pid: number | 'self', field: 'VmRSS' | 'VmHWM'): number | null {
  if (process.platform !== 'linux') return null;
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match?.[1] === undefined ? null : Number(match[1]) * 1024;
  } catch {
    return null;
  }
}
