// The checks of `amaas doctor`, in the order they are shown.
import type { Check, DoctorTarget } from './check.ts';
import { checkDataDir, checkDiskSpace } from './data-dir-checks.ts';
import { checkCores, checkEngine, checkImages, checkMemory, checkNode } from './machine-checks.ts';
import { checkPort, checkServer } from './server-checks.ts';

export type { Check, DoctorTarget } from './check.ts';

/** Runs every check; none throws. */
export async function runChecks(target: DoctorTarget): Promise<readonly Check[]> {
  const [server, engine, images, dataDir, disk, port] = await Promise.all([
    checkServer(target),
    checkEngine(),
    checkImages(),
    checkDataDir(target.dataDir),
    checkDiskSpace(target.dataDir),
    checkPort(target),
  ]);
  return [
    checkNode(process.versions.node),
    engine,
    images,
    checkCores(),
    checkMemory(),
    dataDir,
    disk,
    port,
    ...server,
  ];
}
