// The API reference as one page without scripts, rendered from the OpenAPI description; folds with <details>, follows
// the reader's light or dark setting, prints well.
import type { OpenApiContent, OpenApiDescription, OpenApiOperation, OpenApiParameter } from '../openapi.ts';
import { escapeHtml, fieldsHtml, proseHtml, referenceName, schemaAnchor, typeHtml } from './docs-schema.ts';
import { DOCS_STYLE } from './docs-style.ts';

interface Located {
  readonly method: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

/** Renders a description made by `describeRoutes`. */
export function docsPage(description: OpenApiDescription): string {
  const { info, tags, paths, components } = description;
  const located = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]): Located => ({ method: method.toUpperCase(), path, operation }),
    ),
  );
  const groups = tags.map((tag) => ({
    ...tag,
    members: located.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const links = groups.map(
    ({ name, members }) =>
      `<li><a href="#${anchor(name)}">${escapeHtml(name)}</a> <small>${members.length}</small></li>`,
  );
  const sections = groups.map(
    ({ name, description: text, members }) =>
      `<section id="${anchor(name)}"><h2>${escapeHtml(name)}</h2><p class="about">${proseHtml(text)}</p>
<div class="operations">${members.map((member) => operationHtml(member, components.schemas)).join('')}</div></section>`,
  );
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<article id="${schemaAnchor(name)}"><h3>${escapeHtml(name)}</h3>${aboutHtml(schema['description'])}${fieldsHtml(schema) || `<p class="type">${typeHtml(schema)}</p>`}</article>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>amaas API reference</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<header>
<h1>amaas <small>${escapeHtml(info.version)}</small></h1>
<p>${proseHtml(info.description)}</p>
<p>A call carries a key, as <code>Authorization: Bearer &lt;key&gt;</code> or <code>x-api-key: &lt;key&gt;</code>. The browser
asked for it as the password of this page. The examples take it from the environment:</p>
<pre tabindex="0"><code>export AMAAS_URL=http://127.0.0.1:8080 AMAAS_API_KEY=…</code></pre>
<p>This reference as data: <a href="/openapi.json">openapi.json</a></p>
</header>
<nav aria-label="Groups"><ul>${links.join('')}<li><a href="#schemas">Schemas</a> <small>${schemas.length}</small></li></ul></nav>
<main>
${sections.join('\n')}
<section id="schemas"><h2>Schemas</h2><p class="about">The bodies by name. A field without a note has to be there.</p>
${schemas.join('\n')}
</section>
</main>
</body>
</html>
`;
}

type NamedSchemas = OpenApiDescription['components']['schemas'];

function operationHtml({ method, path, operation }: Located, named: NamedSchemas): string {
  const { parameters = [], requestBody, responses } = operation;
  const access = operation['x-amaas-access'];
  const need = access === 'public' ? 'Needs no key.' : `Needs a key that may <b>${escapeHtml(access)}</b>.`;
  const replies = Object.entries(responses).map(([status, { content = {} }]) => {
    const isFailure = status === 'default';
    const bodies = contentHtml(content, isFailure ? {} : named); // every failure looks the same: its schema is linked only
    return `<h3>${isFailure ? 'Failure' : `Reply ${status}`}</h3>${bodies || '<p class="type">no body</p>'}`;
  });
  return `<details>
<summary><span class="method ${method.toLowerCase()}">${method}</span> <code class="path">${breakable(path)}</code> <span class="what">${proseHtml(operation.summary)}</span></summary>
<div class="body" id="${escapeHtml(operation.operationId)}">
<p>${need}</p>
<pre tabindex="0"><code>${escapeHtml(curlCommand(method, path, operation))}</code></pre>
${parametersHtml(parameters)}${requestHtml(requestBody, named)}${replies.join('')}
</div>
</details>
`;
}

function parametersHtml(parameters: readonly OpenApiParameter[]): string {
  if (parameters.length === 0) return '';
  const items = parameters.map(
    ({ name, in: place, required, description, schema }) =>
      `<li><code class="name">${escapeHtml(name)}</code> <span class="type">${typeHtml(schema)}, in the ${place}</span>${
        required ? '' : ' <span class="optional">optional</span>'
      }<p>${proseHtml(description)}</p></li>`,
  );
  return `<h3>Parameters</h3><ul class="fields">${items.join('')}</ul>`;
}

function requestHtml(body: OpenApiOperation['requestBody'], named: NamedSchemas): string {
  if (body === undefined) return '';
  const optional = body.required ? '' : ' <span class="optional">optional</span>';
  return `<h3>Request body${optional}</h3>${aboutHtml(body.description)}${contentHtml(body.content, named)}`;
}

/** The bodies by media type; fields of those whose schema is among `named` are listed right there. */
function contentHtml(content: OpenApiContent, named: NamedSchemas): string {
  return Object.entries(content)
    .map(([type, { schema }]) => {
      if (schema === undefined) return `<p class="type">${escapeHtml(type)}</p>`;
      const shown = named[referenceName(schema) ?? ''] ?? schema;
      return `<p class="type">${escapeHtml(type)}: ${typeHtml(schema)}</p>${aboutHtml(shown['description'])}${fieldsHtml(shown)}`;
    })
    .join('');
}

function aboutHtml(description: unknown): string {
  return typeof description === 'string' ? `<p>${proseHtml(description)}</p>` : '';
}

/** A call one can paste into a shell, with names in place of the path's parameters. */
function curlCommand(method: string, path: string, operation: OpenApiOperation): string {
  const examples = new Map((operation.parameters ?? []).map(({ name, example }) => [name, String(example ?? '')]));
  const address = `"$AMAAS_URL${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => examples.get(name) ?? name)}"`;
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const verb = method === 'GET' ? 'curl' : method === 'HEAD' ? 'curl -I' : `curl -X ${method}`;
  const lines = [`${verb} ${address}`];
  if (operation['x-amaas-access'] !== 'public') lines.push('-H "authorization: Bearer $AMAAS_API_KEY"');
  if (type === 'application/json' && media?.example !== undefined) {
    lines.push("-H 'content-type: application/json'", `-d '${JSON.stringify(media.example)}'`);
  } else if (type !== undefined && type !== 'application/json') {
    lines.push(`-H 'content-type: ${type}'`, '--data-binary @model.onnx');
  }
  return lines.join(' \\\n  ');
}

function anchor(tag: string): string {
  return tag.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase();
}

/** Lets long paths wrap after their slashes on narrow screens, and marks what stands for a name. */
function breakable(path: string): string {
  return escapeHtml(path)
    .replaceAll('/', '/<wbr>')
    .replaceAll(/\{\w+\}/g, '<var>$&</var>')
    .replaceAll(':', '<wbr>:');
}
