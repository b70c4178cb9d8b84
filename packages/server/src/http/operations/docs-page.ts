// The API reference as one page without scripts, rendered from the OpenAPI description; folds with <details>, follows
// the reader's light or dark setting, prints well.

interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
  readonly 'x-amaas-access': string;
}

interface Description {
  readonly info: { readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Renders a description made by `describeRoutes`. */
export function docsPage(openApi: object): string {
  const description = openApi as Description; // describeRoutes made it; OpenAPI's own type would be `object` again
  const groups = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0] ?? 'other';
      const group = groups.get(tag) ?? [];
      groups.set(tag, group);
      group.push(operationHtml(method.toUpperCase(), path, operation));
    }
  }
  const navigation = [...groups.keys()].map((tag) => `<a href="#${anchor(tag)}">${escapeHtml(tag)}</a>`).join('');
  const sections = [...groups].map(
    ([tag, items]) => `<section id="${anchor(tag)}"><h2>${escapeHtml(tag)}</h2>${items.join('')}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>amaas API reference</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>amaas <small>${escapeHtml(description.info.version)}</small></h1>
<p>${escapeHtml(description.info.description)} The same as data: <a href="/openapi.json">openapi.json</a>.</p>
<p>Every call carries a key: <code>Authorization: Bearer &lt;key&gt;</code> or <code>x-api-key: &lt;key&gt;</code>.
Here in the browser the key was asked for as a password.</p>
<nav aria-label="Groups">${navigation}</nav>
</header>
<main>
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function operationHtml(method: string, path: string, operation: Operation): string {
  const body = Object.entries(operation.requestBody?.content ?? {});
  const replies = Object.entries(operation.responses).filter(([status]) => status !== 'default');
  const access = operation['x-amaas-access'];
  return `<details>
<summary><span class="method ${method.toLowerCase()}">${method}</span> <code class="path">${breakable(path)}</code> <span class="what">${escapeHtml(operation.summary)}</span></summary>
<div class="body">
<p>${access === 'public' ? 'Needs no key.' : `Needs a key that may <b>${escapeHtml(access)}</b>.`}</p>
<pre>${escapeHtml(curlLine(method, path, body[0]?.[0]))}</pre>
${body.map(([type, { schema }]) => schemaHtml(`Request body, ${type}`, schema)).join('')}
${replies.map(([status, reply]) => schemaHtml(`Reply ${status}`, Object.values(reply.content ?? {})[0]?.schema)).join('')}
</div>
</details>
`;
}

function curlLine(method: string, path: string, type: string | undefined): string {
  const flags = method === 'GET' ? '' : method === 'HEAD' ? '-I ' : `-X ${method} `;
  const body =
    type === undefined
      ? ''
      : type === 'application/json'
        ? " -H 'content-type: application/json' -d @body.json"
        : ` -H 'content-type: ${type}' --data-binary @model.onnx`;
  return `curl ${flags}-H "authorization: Bearer $AMAAS_API_KEY"${body} "$AMAAS_URL${path}"`;
}

function schemaHtml(title: string, schema: object | undefined): string {
  if (schema === undefined) return `<h3>${escapeHtml(title)}</h3>`;
  return `<h3>${escapeHtml(title)}</h3><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre>`;
}

function anchor(tag: string): string {
  return tag.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase();
}

/** Lets long paths wrap after their slashes on narrow screens. */
function breakable(path: string): string {
  return escapeHtml(path).replaceAll('/', '/<wbr>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const STYLE = `
:root { --text: #1b1f24; --soft: #57606a; --line: #d5dae0; --paper: #ffffff; --panel: #f4f6f8; --link: #0b5cad;
  --get: #0a6b3d; --post: #0b5cad; --put: #8a5300; --patch: #7a3ea8; --delete: #b3261e; --head: #57606a; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ed; --soft: #a3adb8; --line: #333b45; --paper: #14181d; --panel: #1c2229; --link: #7cb8ff;
    --get: #5fd08f; --post: #7cb8ff; --put: #f0b35a; --patch: #cf9bff; --delete: #ff8a80; --head: #a3adb8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
header, main { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -0.01em; }
h1 small { font-size: 1rem; font-weight: 400; color: var(--soft); }
h2 { margin: 2rem 0 0.5rem; font-size: 1.15rem; text-transform: capitalize; }
h3 { margin: 1rem 0 0.25rem; font-size: 0.85rem; color: var(--soft); }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0.75rem 0; border-bottom: 1px solid var(--line); }
nav a { text-transform: capitalize; text-decoration: none; }
code, pre { font: 0.875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
details { border: 1px solid var(--line); border-radius: 8px; margin: 0.5rem 0; background: var(--paper); }
summary { display: grid; grid-template-columns: 4.5rem minmax(0, auto) minmax(0, 1fr); gap: 0.75rem; align-items: baseline; padding: 0.6rem 0.9rem; cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 8px; }
.method { font-weight: 700; font-size: 0.8rem; letter-spacing: 0.04em; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); } .patch { color: var(--patch); } .delete { color: var(--delete); } .head { color: var(--head); }
.what { color: var(--soft); text-align: right; }
.body { border-top: 1px solid var(--line); padding: 0.25rem 0.9rem 0.9rem; }
pre { margin: 0.25rem 0; padding: 0.75rem; background: var(--panel); border-radius: 6px; overflow: auto; max-height: 26rem; }
main { padding-bottom: 4rem; }
@media (max-width: 42rem) { summary { grid-template-columns: 3.6rem minmax(0, 1fr); } .what { grid-column: 1 / -1; text-align: left; font-size: 0.9rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; } }
`;
