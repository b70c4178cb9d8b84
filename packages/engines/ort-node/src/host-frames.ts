// Host messages as frames: the tensors travel as blocks, the rest of each message as JSON.
import type { HostReply, HostRequest } from './messages.ts';
import type { Frame } from './frames.ts';

const NO_TENSORS = new Map<string, never>();

export function requestFrame(request: HostRequest): Frame {
  if (request.kind !== 'run') return { message: request, tensors: NO_TENSORS };
  const { inputs, ...message } = request;
  return { message, tensors: inputs };
}

export function readRequest({ message, tensors }: Frame): HostRequest {
  const request = message as HostRequest; // made by requestFrame at the other end
  return request.kind === 'run' ? { ...request, inputs: tensors } : request;
}

export function replyFrame(reply: HostReply): Frame {
  if (reply.kind !== 'done') return { message: reply, tensors: NO_TENSORS };
  const { outputs, ...message } = reply;
  return { message, tensors: outputs };
}

export function readReply({ message, tensors }: Frame): HostReply {
  const reply = message as HostReply; // made by replyFrame at the other end
  return reply.kind === 'done' ? { ...reply, outputs: tensors } : reply;
}
