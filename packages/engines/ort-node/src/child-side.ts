// A child process's end of the frame pipe. It reads and writes blocking: the child has nothing else to do between two
// requests, large tensors land where they belong without a detour, and what was sent is sent before the next run begins.
// A child never outlives its parent: idle it sees the pipe close; in a run that does not return its lifeline thread does.
import { readSync, writeSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';

const PIPE_FD = 3;
/** Small frames come in one piece; larger remainders are read straight into their place. */
const SCRATCH_BYTES = 64 * 1024;

export interface ParentPipe {
  /** The next frame; null when the parent has gone. */
  read(): Frame | null;
  send(frame: Frame): void;
}

/** Opens the pipe and ties this process's life to the parent's. */
export function openParentPipe(): ParentPipe {
  // Ctrl-C reaches the whole process group; the parent decides when its children end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  new Worker(join(import.meta.dirname, `child-lifeline${extname(import.meta.filename)}`)).unref();
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  return {
    read() {
      while (frames.length === 0) if (!readSome(reader, scratch)) return null;
      return frames.shift() ?? null;
    },
    send(frame) {
      for (const piece of encodeFrame(frame)) writeAll(piece);
    },
  };
}

/** Reads once; false at the end of the pipe. */
function readSome(reader: FrameReader, scratch: Buffer): boolean {
  const { rest } = reader;
  if (rest.byteLength >= SCRATCH_BYTES) {
    const bytes = readPipe(rest);
    reader.advance(bytes);
    return bytes > 0;
  }
  const bytes = readPipe(scratch);
  reader.push(scratch.subarray(0, bytes));
  return bytes > 0;
}

function readPipe(target: Buffer): number {
  try {
    return readSync(PIPE_FD, target);
  } catch (error) {
    if (hasCode(error, 'EOF') || hasCode(error, 'ECONNRESET')) return 0; // how some systems tell a closed pipe
    throw error;
  }
}

function writeAll(bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.byteLength; ) written += writeSync(PIPE_FD, bytes, written);
  } catch (error) {
    if (hasCode(error, 'EPIPE')) process.exit(0); // nobody is left to read it
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
