// The engine's end of a child's frame pipe. Strictly ask and answer: nothing is queued beyond one request, so a child that
// reads slowly holds up nobody but its own asker.
import type { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';

export interface Channel {
  send(frame: Frame): void;
}

/** Reads frames from `socket` until it closes; `onBroken` is called when what comes cannot be a frame. */
export function openChannel(
  socket: Socket,
  onFrame: (frame: Frame) => void,
  onBroken: (error: unknown) => void,
): Channel {
  const reader = new FrameReader(onFrame);
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      socket.destroy();
      onBroken(error);
    }
  });
  // Broken pipes show as the end of the process at the other side, which both sides watch for.
  socket.on('error', () => {});
  return {
    send(frame) {
      if (!socket.writable) return;
      socket.cork();
      for (const piece of encodeFrame(frame)) socket.write(piece);
      socket.uncork();
    },
  };
}
