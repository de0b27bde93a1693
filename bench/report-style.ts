/** The style of the benchmark's report, beside that of all reports: colours of contenders, details. */
export const BENCH_STYLE = `
:root {
  --series-0: #0b66a8; --series-1: #c2410c; --series-2: #6b7280; --series-3: #15803d;
  --series-4: #a21caf; --series-5: #a16207; --series-6: #0e7490; --series-7: #be123c;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --series-0: #64b5f0; --series-1: #fb9a60; --series-2: #9ca3af; --series-3: #5fd38a;
    --series-4: #e27df0; --series-5: #e0b84c; --series-6: #4fd1d9; --series-7: #fb7185;
  }
}
.headline div { border-color: var(--series-0); flex-basis: 20rem; }
section > .soft { color: var(--soft); margin: 0 0 1rem; }
h3 { font-size: 1rem; margin: 0 0 0.4rem; }
.legend.series span::before { content: ''; display: inline-block; width: 0.9rem; height: 0.9rem; border-radius: 50%;
background: var(--colour); vertical-align: -0.12em; }
.legend.layouts { color: var(--soft); }
details { border-bottom: 1px solid var(--line); }
summary { padding: 0.6rem 0; cursor: pointer; font-weight: 600; }
details table { margin: 0 0 1.25rem; font-size: 0.9rem; }
td:nth-child(2) { text-align: left; }
tr.first > * { border-top: 2px solid var(--line); }
.failures { border-left: 4px solid var(--series-7); background: var(--card); padding: 0.8rem 1.1rem; margin: 1.5rem 0; }
`;
