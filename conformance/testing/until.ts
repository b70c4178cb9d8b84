// Waiting for something a server does in its own time.

/** Resolves when `isTrue`; fails after a minute, which only a failing test takes. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 60_000;
  while (!(await isTrue())) {
    if (performance.now() > giveUpMs) throw new Error(`waited a minute for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
