// A real Chromium for tests, with a profile of its own that is thrown away.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';
import { skipOrFail } from '../../tools/test-data.ts';

const executablePath = process.env['AMAAS_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** The `skip` option of a test that needs a browser. @throws Error in CI. */
export function skipWithoutBrowser(): string | false {
  if (existsSync(executablePath)) return false;
  return skipOrFail(`needs Chromium: ${executablePath} is not there; set AMAAS_TEST_CHROMIUM`);
}

export interface TestBrowser {
  readonly context: BrowserContext;
  readonly close: () => Promise<void>;
}

/** Nothing that asks the network on its own; no sandbox, as CI runs in containers as root. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a browser with an empty profile. */
export async function startBrowser(options: BrowserContextOptions = {}): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'amaas-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: ARGUMENTS,
    headless: true,
    ...options,
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
