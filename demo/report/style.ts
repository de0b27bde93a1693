/** The style of the report of training, beside that of all reports. */
export const TRAIN_STYLE = `
:root { --dropout: #15803d; --both: #86198f; --rest: #b6bec6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --dropout: #5fd38a; --both: #e27df0; --rest: #5b6570; }
}
section > p, .claims { max-width: 46rem; }
section > p { margin: 0 0 1rem; }
section > p:first-of-type { color: var(--soft); }
a { color: var(--normalized); }
code { font-size: 0.92em; }
.narrow { display: none; }
@media screen and (max-width: 36rem) { .wide { display: none; } .narrow { display: block; } }
.pair > div { min-width: 0; margin-bottom: 0.75rem; }
.fans { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.75rem 1rem; }
@media screen and (max-width: 36rem) { .fans { grid-template-columns: repeat(2, 1fr); grid-auto-flow: column;
grid-template-rows: repeat(3, auto); } }
.soft { color: var(--soft); font-size: 0.93rem; max-width: 46rem; margin: 0.5rem 0 0; }
.formula { font-size: 1.35rem; margin: 1.25rem 0 1.5rem; text-align: left; }
.reading { font-size: 0.95rem; border-left: 3px solid var(--line); padding-left: 0.8rem; }
nav ol { columns: 17rem; column-gap: 2rem; margin: 1.5rem 0 0; padding: 0 0 0 1.4rem; font-size: 0.95rem; }
nav li { break-inside: avoid; padding: 0.1rem 0; }
.here { color: var(--soft); text-decoration: none; font-weight: 400; opacity: 0; }
h2:hover .here, .here:focus { opacity: 1; }
@media (hover: none) { .here { opacity: 0.6; } }
.values circle:hover { stroke: currentColor; stroke-width: 1.5; }
@media print {
  section > p, .legend, .formula { break-inside: avoid; }
  .legend, .formula { break-after: avoid; }
  .values { display: none; }
  figure { margin-bottom: 1rem; }
  .fans .wide svg { max-height: 3.4cm; }
  .pair svg { max-height: 5cm; }
  .wide svg { max-height: 5.6cm; }
  h2 { margin-top: 1.25rem; }
}
.missing { border-left: 4px solid var(--plain); background: var(--card); padding: 0.8rem 1.1rem; }
`;
