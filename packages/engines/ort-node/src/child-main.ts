// Entry of a child process that holds one session.
import { openParentChannel } from './child-side.ts';
import { readRequest, replyFrame } from './host-frames.ts';
import { SessionHost } from './session-host.ts';

const host = new SessionHost();
const channel = openParentChannel(async (frame) => {
  const reply = await host.answer(readRequest(frame));
  if (reply === null) process.exit(0);
  channel.send(replyFrame(reply));
});
