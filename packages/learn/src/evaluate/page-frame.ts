// What every report's page is made in: one self-contained document, no scripts, nothing loaded from anywhere.
import { escapeHtml, userHtml } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';

export interface PageParts {
  /** As text. */
  readonly title: string;
  /** HTML under the title. */
  readonly about: string;
  /** HTML in order; '' is left out. */
  readonly sections: readonly string[];
}

/** The whole document. */
export function pageHtml({ title, about, sections }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>${userHtml(title)}</h1>
<p class="about">${about}</p>
</header>
<main>
${sections.filter((section) => section !== '').join('\n')}
</main>
</body>
</html>
`;
}
