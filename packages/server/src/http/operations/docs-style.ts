// How the API reference looks: one column on phones, the groups beside it on wide screens; every text at least 4.5 : 1
// against what it stands on.

export const DOCS_STYLE = `
:root {
  --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --paper: #ffffff; --panel: #f4f6f8; --link: #0b5cad; --focus: #0b5cad;
  --get: #0a6b3d; --post: #0b5cad; --put: #8a5300; --patch: #7a3ea8; --delete: #b3261e; --head: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e9ed; --soft: #a3adb8; --line: #323b45; --paper: #14181d; --panel: #1c2229; --link: #7cb8ff; --focus: #7cb8ff;
    --get: #5fd08f; --post: #7cb8ff; --put: #f0b35a; --patch: #cf9bff; --delete: #ff8a80; --head: #a3adb8;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0 auto; max-width: 78rem; padding: 0 1.25rem 4rem; background: var(--paper); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; overflow-wrap: break-word;
}
h1 { margin: 2rem 0 0.75rem; font-size: 2rem; line-height: 1.2; letter-spacing: -0.015em; }
h1 small { font-size: 1rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
h2 { margin: 2.5rem 0 0.25rem; font-size: 1.25rem; line-height: 1.3; }
h3 { margin: 0; font-size: 1rem; }
.body h3 { margin: 1.25rem 0 0.35rem; font-size: 0.875rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
a { color: var(--link); text-underline-offset: 0.15em; }
a:focus-visible, pre:focus-visible, summary:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
code, pre, var { font: 0.875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; }
pre { margin: 0.5rem 0; padding: 0.75rem 0.9rem; background: var(--panel); border-radius: 6px; overflow-x: auto; }
pre code { font-size: 0.8125rem; }
.about { margin: 0 0 0.75rem; color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.35rem 1.1rem; margin: 1rem 0 0; padding: 0.75rem 0; list-style: none; border: solid var(--line); border-width: 1px 0; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav small { color: var(--soft); }
.operations { border: 1px solid var(--line); border-radius: 8px; overflow: clip; }
details + details { border-top: 1px solid var(--line); }
summary {
  display: grid; grid-template-columns: 0.75rem 4.25rem minmax(0, 1fr) minmax(0, 1fr); column-gap: 0.75rem; align-items: baseline;
  padding: 0.55rem 1rem; cursor: pointer; list-style: none;
}
summary::-webkit-details-marker { display: none; }
summary::before { content: '›'; color: var(--soft); font-weight: 700; line-height: 1; transition: transform 0.12s; }
details[open] > summary::before { transform: rotate(90deg); }
@media (prefers-reduced-motion: reduce) { summary::before { transition: none; } }
summary:hover, details[open] > summary { background: var(--panel); }
summary:focus-visible { outline-offset: -3px; border-radius: 8px; }
.method { font-weight: 700; font-size: 0.75rem; letter-spacing: 0.05em; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); }
.patch { color: var(--patch); } .delete { color: var(--delete); } .head { color: var(--head); }
.path var { font: inherit; font-style: italic; color: var(--soft); }
.what { color: var(--soft); font-size: 0.9375rem; }
.body { border-top: 1px solid var(--line); padding: 0.5rem 1rem 1.25rem; scroll-margin-top: 5.5rem; }
.fields { margin: 0.35rem 0; padding: 0; list-style: none; }
.fields li { padding: 0.4rem 0; border-top: 1px solid var(--line); }
.fields > li:first-child { border-top: 0; }
.fields .fields { margin: 0.25rem 0 0 0.15rem; padding-left: 0.9rem; border-left: 2px solid var(--line); }
.fields p { margin: 0.1rem 0 0; font-size: 0.9375rem; }
.name { font-weight: 600; }
.type, .optional { color: var(--soft); font-size: 0.875rem; }
.type code { overflow-wrap: anywhere; }
.optional { font-style: italic; }
article { padding: 1rem 0 0.75rem; border-top: 1px solid var(--line); }
article:target { border-top-color: var(--focus); box-shadow: 0 -1px 0 var(--focus); }
@media (max-width: 46rem) {
  body { padding-inline: 1rem; }
  summary { grid-template-columns: 0.75rem 3.75rem minmax(0, 1fr); column-gap: 0.5rem; padding-inline: 0.75rem; }
  .what { grid-column: 3; }
  .body { padding-inline: 0.75rem; }
  nav ul { row-gap: 0.6rem; }
}
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 13rem minmax(0, 1fr); column-gap: 3rem; align-items: start; }
  header { grid-column: 2; }
  main { grid-column: 2; }
  nav { grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 0; padding-top: 2.4rem; max-height: 100vh; overflow-y: auto; }
  nav ul { flex-direction: column; gap: 0.45rem; margin: 0; padding: 0; border: 0; }
  nav li { display: flex; justify-content: space-between; gap: 0.75rem; }
}
@media print {
  nav { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  body { max-width: none; }
  .operations, pre { border: 1px solid #999; break-inside: auto; }
}
`;
