// Entry of the child process that has a llama-server run its model.
import { serveParent } from './child-loop.ts';
import { ServerHost } from './server-host.ts';

serveParent((task, telling) => ServerHost.load(task, telling));
