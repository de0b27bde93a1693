/** Style of the live page, beside that of the reports. */
export const LIVE_STYLE = `
main { max-width: 68rem; padding-top: 1.5rem; }
h1 { margin-bottom: 0.3rem; }
h3 { font-size: 1rem; margin: 0 0 0.25rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
#status { margin: 0.75rem 0 0.25rem; color: var(--soft); font-size: 0.9rem; font-variant-numeric: tabular-nums;
min-height: 1.5em; }
#now { margin-bottom: 1rem; }
#now td { font-size: 1.15rem; font-weight: 650; }
#now th[scope=col] { font-size: 0.85rem; color: var(--soft); font-weight: 400; white-space: normal; }
#now th[scope=row]::before { content: ''; display: inline-block; width: 0.75rem; height: 0.75rem; border-radius: 50%;
  margin-right: 0.5rem; background: currentColor; }
#now .plain th { color: var(--plain); } #now .normalized th { color: var(--normalized); }
#controls { background: var(--card); border-radius: 8px; padding: 0.9rem 1.1rem; margin-bottom: 1.25rem; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
button, select, input[type=number] { font: inherit; color: inherit; background: var(--page); border: 1px solid
var(--line);
  border-radius: 6px; padding: 0.35rem 0.8rem; min-height: 2.5rem; }
button { cursor: pointer; }
button.main { background: var(--normalized); border-color: var(--normalized); color: var(--page); min-width: 6rem;
font-weight: 650; }
button[aria-pressed=true] { border-color: var(--normalized); }
:focus-visible { outline: 3px solid var(--normalized); outline-offset: 2px; }
a { color: var(--normalized); }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr)); gap: 0.6rem 1.5rem;
margin: 0.9rem 0 0.4rem; }
.slider { display: grid; gap: 0.1rem; }
.slider span { display: flex; justify-content: space-between; font-weight: 600; }
.slider output { font-variant-numeric: tabular-nums; font-weight: 400; }
.slider input { width: 100%; accent-color: var(--normalized); min-height: 1.75rem; }
.slider small { color: var(--soft); }
.tries { margin: 0.5rem 0 0; line-height: 2.4; } .tries button { min-height: 2rem; padding: 0.1rem 0.7rem;
margin-right: 0.3rem; }
.choose { margin: 0 0 0.5rem; }
figure { margin: 0 0 1.5rem; }
figure svg { touch-action: pan-y; }
.tick { fill: var(--soft); font-size: 11px; }
.grid line, line.grid { stroke: var(--line); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.plain { stroke: var(--plain); stroke-dasharray: 5 3; } .line.normalized { stroke: var(--normalized); }
.band { opacity: 0.28; } .band.plain, .bar.plain { fill: var(--plain); } .band.normalized, .bar.normalized { fill:
var(--normalized); }
.readout { display: block; min-height: 1.6em; color: var(--soft); font-variant-numeric: tabular-nums; }
.formula { font-size: 1.25rem; font-style: italic; }
.fraction { display: inline-grid; vertical-align: middle; text-align: center; font-style: italic; }
.fraction span:first-child { border-bottom: 1px solid currentColor; padding: 0 0.3em; }
#example input { width: 100%; min-width: 4.5rem; max-width: 8rem; text-align: right; padding: 0.2rem 0.4rem; }
#example td { font-variant-numeric: tabular-nums; }
.lab { display: grid; grid-template-columns: minmax(0, 1fr); }
@media screen and (min-width: 62rem) {
  .lab { grid-template-columns: 17rem minmax(0, 1fr); gap: 0 2rem; align-items: start; }
  #now { grid-column: 1 / -1; }
  #controls { position: sticky; top: 1rem; }
}
@media screen and (max-width: 36rem) {
  #now { position: sticky; top: 0; z-index: 1; background: var(--page); margin: 0 -0.25rem 1rem; }
  #now td { font-size: 1rem; } #now th[scope=row] { min-width: 0; }
  figcaption { font-size: 0.88rem; }
  #example th[scope=row] { min-width: 4rem; } #example input { min-width: 3.6rem; }
}
@media print { #controls, .choose, #status { display: none; } }
.row { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; margin: 1rem 0; }
.row input { width: 6.5rem; }
.note { color: var(--soft); max-width: 46rem; }
`;
