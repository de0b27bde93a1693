/** What the report of training adds to the style that it shares with that of the benchmark. */
export const TRAIN_STYLE = `
:root { --dropout: #15803d; --both: #86198f; --rest: #b6bec6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --dropout: #5fd38a; --both: #e27df0; --rest: #5b6570; }
}
section > p { max-width: 46rem; }
section > p:first-of-type { margin: 0 0 1rem; color: var(--soft); }
a { color: var(--normalized); }
code { font-size: 0.92em; }
.narrow { display: none; }
@media screen and (max-width: 36rem) { .wide { display: none; } .narrow { display: block; } }
.pair > div { min-width: 0; margin-bottom: 0.75rem; }
.fans { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.75rem 1rem; }
@media screen and (max-width: 36rem) { .fans { grid-template-columns: repeat(2, 1fr); grid-auto-flow: column; grid-template-rows: repeat(3, auto); } }
.legend .dropout::before { border-top: 3px dotted var(--dropout); }
.legend .both::before { border-top: 3px dashed var(--both); }
.legend .rest::before { border-top: 0.8rem solid var(--rest); vertical-align: -0.06em; }
.legend .layer-1::before { border-top: 2px solid; }
.legend .layer-2::before { border-top: 2px dashed; }
.legend .layer-3::before { border-top: 2px dotted; }
.missing { border-left: 4px solid var(--plain); background: var(--card); padding: 0.8rem 1.1rem; }
`;
