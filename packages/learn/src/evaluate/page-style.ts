// How the report page looks: one column on phones, plots side by side on wide screens, light and dark; every text at
// least 4.5 : 1 against what it stands on.

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --paper: #ffffff; --panel: #f4f6f8; --link: #0b5cad;
  --bad: #b3261e; --bad-panel: #fdf0ee; --mind: #7a4b00; --mind-panel: #fff6e0;
  --grid: #e8ecf0; --guide: #8a939d; --heat: #0b5cad; --on-pale: #000000; --on-middle: #000000; --on-deep: #ffffff;
  --s0: #1a67b5; --s1: #c1500f; --s2: #1f8050; --s3: #8445b8; --s4: #9a7200; --s5: #bd2f63; --s6: #12808f; --s7: #5f666e; --s8: #6a8610; --s9: #5044c8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e9ed; --soft: #a3adb8; --line: #323b45; --paper: #14181d; --panel: #1c2229; --link: #7cb8ff;
    --bad: #ff8a80; --bad-panel: #33201f; --mind: #f0c069; --mind-panel: #2b2517;
    --grid: #262d35; --guide: #7b8692; --heat: #7cb8ff; --on-pale: #ffffff; --on-middle: #000000; --on-deep: #000000;
    --s0: #6fb3ff; --s1: #ff9b5f; --s2: #5fd08f; --s3: #c79bff; --s4: #e3bb5a; --s5: #ff86ae; --s6: #63d0de; --s7: #aab2bb; --s8: #bcd95a; --s9: #a49cff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 72rem; padding: 0 1.25rem 4rem; background: var(--paper); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; overflow-wrap: break-word;
}
h1 { margin: 2rem 0 0.25rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.015em; }
h2 { margin: 2.5rem 0 0.5rem; font-size: 1.25rem; line-height: 1.3; }
h3 { margin: 0 0 0.25rem; font-size: 0.9375rem; font-weight: 600; }
p { margin: 0.5rem 0; max-width: 46rem; }
.about, .note { color: var(--soft); }
.note { font-size: 0.8125rem; margin: 0.25rem 0; }
.comparisons { margin: 0.5rem 0; padding-left: 1.1rem; max-width: 46rem; }
.key-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.75rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.key-figures li { padding: 0.75rem 0.9rem; background: var(--panel); border-radius: 8px; }
.key-figures b { display: block; font-size: 1.6rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.key-figures span { display: block; font-size: 0.8125rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.key-figures .name { font-size: 0.875rem; color: var(--text); }
.mind { margin: 1.25rem 0; padding: 0.75rem 1rem; background: var(--mind-panel); border-left: 4px solid var(--mind); border-radius: 4px; }
.mind h2 { margin: 0; font-size: 1rem; color: var(--mind); }
.mind ul { margin: 0.35rem 0 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; max-width: 100%; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px; }
table { border-collapse: collapse; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { padding: 0.4rem 0.75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: baseline; }
th { font-weight: 600; }
thead th { font-size: 0.8125rem; color: var(--soft); vertical-align: bottom; }
tbody th { font-weight: 500; }
th.text, td.text { text-align: left; }
tbody th.text { max-width: 22rem; white-space: normal; min-width: 7rem; }
th:first-child { padding-left: 0; }
td small { display: block; font-size: 0.75rem; color: var(--soft); }
td small.narrow { display: none; }
.is-worse { background: var(--bad-panel); }
.is-worse th:first-child { padding-left: 0.5rem; }
.worse { color: var(--bad); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.5rem 2rem; align-items: start; }
figure { margin: 0; min-width: 0; }
svg.plot { display: block; width: 100%; max-width: 30rem; height: auto; }
svg.matrix { width: auto; max-width: 100%; }
svg text { font-family: inherit; fill: var(--text); }
.tick { font-size: 11px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.label { font-size: 12px; fill: var(--soft); }
.count { font-size: 11px; font-variant-numeric: tabular-nums; }
svg .pale { fill: var(--on-pale); } svg .middle { fill: var(--on-middle); } svg .deep { fill: var(--on-deep); }
.grid { stroke: var(--grid); stroke-width: 1; }
.axis { fill: none; stroke: var(--guide); stroke-width: 1; }
.guide { fill: none; stroke: var(--guide); stroke-width: 1.25; stroke-dasharray: 4 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.thin { stroke-width: 1.25; }
.line.dashed { stroke-dasharray: 6 4; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); } .s3 { stroke: var(--s3); } .s4 { stroke: var(--s4); }
.s5 { stroke: var(--s5); } .s6 { stroke: var(--s6); } .s7 { stroke: var(--s7); } .s8 { stroke: var(--s8); } .s9 { stroke: var(--s9); }
.dot { fill: var(--paper); stroke-width: 2; }
.point { fill: var(--s0); fill-opacity: 0.45; }
.bar { fill: var(--s0); }
.cell { fill: var(--panel); }
.heat { fill: var(--heat); }
.legend { display: flex; flex-wrap: wrap; gap: 0.15rem 1rem; margin: 0.25rem 0; padding: 0; list-style: none; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
.key { width: 22px; height: 8px; vertical-align: middle; }
svg.interval { vertical-align: middle; }
details { margin: 0.25rem 0; font-size: 0.875rem; }
summary { color: var(--link); cursor: pointer; width: fit-content; }
details table { font-size: 0.8125rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem 2rem; }
div + .plots { margin-top: 1.25rem; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.25rem 1rem; margin: 0.25rem 0; font-size: 0.9375rem; }
dt { color: var(--soft); max-width: 10rem; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 46rem) {
  body { padding-inline: 1rem; }
  h1 { margin-top: 1.25rem; font-size: 1.5rem; }
  .key-figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  th, td { padding-inline: 0.5rem; }
  .wide { display: none; }
  td small.narrow { display: block; }
}
@media print {
  body { max-width: none; }
  figure, tr { break-inside: avoid; }
  .scroll { overflow: visible; }
}
`;
