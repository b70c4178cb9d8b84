// A page in a real Chromium that runs this checkout's modules: for tests and benches of what runs in browsers.
import type { Page } from 'playwright-core';
import { startBrowser } from './browser.ts';
import { startSourceServer, type SourceServerOptions } from './source-server.ts';

export interface BrowserPageOptions extends SourceServerOptions {
  /**
   * Code of a module script. It may import `@amaas/*`, `onnxruntime-web/wasm` and `/conformance/testing/*.ts`, also
   * start module workers from there, and puts on `globalThis` what `evaluate` is to find.
   */
  readonly module: string;
}

export interface BrowserPage {
  readonly page: Page;
  readonly origin: string;
  /** What the page said by itself so far: uncaught errors, and warnings and errors on its console. */
  readonly problems: readonly string[];
  /**
   * The value of an expression on the page, awaited; plain data only.
   * @throws Error with the text of what the expression threw
   */
  readonly evaluate: (expression: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Opens a page of its own server in a browser of its own and waits until its module has run. */
export async function openBrowserPage({ module, ...options }: BrowserPageOptions): Promise<BrowserPage> {
  const server = await startSourceServer(module, options);
  const browser = await startBrowser();
  const close = async (): Promise<void> => {
    await browser.close();
    await server.close();
  };
  try {
    const { page, problems } = await visit(await browser.context.newPage(), server.origin);
    return { page, origin: server.origin, problems, evaluate: (expression) => page.evaluate(expression), close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function visit(page: Page, url: string): Promise<Pick<BrowserPage, 'page' | 'problems'>> {
  const problems: string[] = [];
  const failed = new Promise<never>((_, reject) => {
    page.on('pageerror', (error) => {
      problems.push(error.message);
      reject(new Error(`the page failed: ${error.message}`));
    });
  });
  failed.catch(() => undefined); // after the start, `problems` tells
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  await page.goto(url);
  await Promise.race([page.waitForFunction('globalThis.moduleHasRun === true'), failed]);
  return { page, problems };
}
