/** The style of both reports. The two colours differ in brightness too, and lines in (a) differ in dashes. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fdfdfc; --shade: #1d232955; --ink: #1d2329; --soft: #5b6570; --line: #dfe3e6; --card: #f4f5f3;
  --plain: #c2410c; --normalized: #0b66a8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14181c; --shade: #e8eaec55; --ink: #e8eaec; --soft: #a3adb7; --line: #323a42; --card: #1c2227;
    --plain: #fb9a60; --normalized: #64b5f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 0.6rem; text-wrap: balance; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 0.8rem; }
.lead { font-size: 1.1rem; color: var(--soft); max-width: 44rem; margin: 0; }
.headline { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.75rem 0 2.25rem; }
.headline div { flex: 1 1 16rem; background: var(--card); border-left: 4px solid; border-radius: 4px;
padding: 0.8rem 1.1rem; }
.headline dt { font-size: 0.9rem; color: var(--soft); }
.headline dd { margin: 0; font-size: 2rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.headline .plain { border-color: var(--plain); }
.headline .normalized { border-color: var(--normalized); }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.75rem; margin: 0 0 0.5rem; font-size: 0.95rem; }
.legend span { display: flex; align-items: baseline; gap: 0.6rem; }
.legend svg { flex: none; overflow: visible; }
figure { margin: 0 0 2rem; }
figure svg { display: block; width: 100%; height: auto; font-size: 11px; overflow: visible; }
figcaption { margin-top: 0.5rem; font-size: 0.93rem; color: var(--soft); max-width: 46rem; }
figcaption b { color: var(--ink); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 2rem; }
.scroll { overflow-x: auto; background: linear-gradient(to right, var(--page) 30%, transparent)
0 0 / 3rem 100% no-repeat local,
  linear-gradient(to left, var(--page) 30%, transparent) 100% 0 / 3rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) 0 0 / 0.9rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) 100% 0 / 0.9rem 100% no-repeat scroll; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.75rem; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
th[scope="row"] { text-align: left; font-weight: 400; padding-left: 0; }
thead th { border-bottom: 2px solid var(--ink); white-space: nowrap; }
thead td { border-bottom: 2px solid var(--ink); }
tbody + tbody tr:first-child > * { border-top: 2px solid var(--line); }
.settings { margin: 0; }
.settings div { display: grid; grid-template-columns: 11rem 1fr; gap: 0 1rem; padding: 0.45rem 0;
border-bottom: 1px solid var(--line); }
.settings dt { font-weight: 600; }
.settings dd { margin: 0; color: var(--soft); }
footer { margin-top: 2.5rem; font-size: 0.88rem; color: var(--soft); }
footer p { margin: 0 0 0.5rem; }
@media screen and (max-width: 36rem) {
  .settings div { grid-template-columns: 1fr; }
  table { font-size: 0.86rem; }
  th, td { padding: 0.35rem 0.3rem; }
  thead th, td { white-space: normal; vertical-align: bottom; }
  th[scope="row"] { overflow-wrap: anywhere; min-width: 5.5rem; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; font-size: 9.5pt; }
  body { font-size: 1rem; }
  .pair { grid-template-columns: 1fr 1fr; }
  .here { display: none; }
  main { padding: 0; max-width: none; }
  h2, h2 + p, .legend, thead { break-after: avoid; }
  figure, table, .headline, .settings div { break-inside: avoid; }
}
`;
