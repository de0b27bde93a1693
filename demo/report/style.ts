/** The style of the report of training, beside that of all reports. */
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
@media screen and (max-width: 36rem) { .fans { grid-template-columns: repeat(2, 1fr); grid-auto-flow: column;
grid-template-rows: repeat(3, auto); } }
.soft { color: var(--soft); font-size: 0.93rem; max-width: 46rem; margin: 0.5rem 0 0; }
.formula { font-size: min(1.15rem, 4.6vw); margin: 1.25rem 0 0; }
.contents { columns: 16rem; margin: 1.5rem 0 0; padding: 0; list-style: none; font-size: 0.95rem; }
.contents li { padding: 0.15rem 0; }
.here { color: var(--soft); text-decoration: none; font-weight: 400; opacity: 0; }
h2:hover .here, .here:focus { opacity: 1; }
@media print { figure { margin-bottom: 1rem; } .pair svg, .fans svg { max-height: 6.5cm; }
.wide svg { max-height: 8.5cm; } h2 { margin-top: 1.25rem; } }
.missing { border-left: 4px solid var(--plain); background: var(--card); padding: 0.8rem 1.1rem; }
`;
