// Entry of a child process that holds one session.
import { openParentPipe } from './child-side.ts';
import { readRequest, replyFrame } from './host-frames.ts';
import { SessionHost } from './session-host.ts';

const pipe = openParentPipe();
const host = new SessionHost();
for (let frame = pipe.read(); frame !== null; frame = pipe.read()) {
  const reply = await host.answer(readRequest(frame));
  if (reply === null) break;
  pipe.send(replyFrame(reply));
}
process.exit(0);
