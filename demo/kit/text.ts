/** Numbers in words of the report and the terminal. */

export function percent(value: number, digits = 1): string {
  return `${(100 * value).toFixed(digits)} %`;
}

/** A whole number with thousands separated. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** Three significant digits, without an exponent. */
export function decimal(value: number | null): string {
  if (value === null) return 'no number';
  const text = Math.abs(value) >= 100 ? count(Math.round(value)) : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

/** Numbers of a page are not parted from their units at the end of a line. */
export function keepUnits(html: string): string {
  return html.replace(/(\d) (?=(%|ms|s|KiB)(?![\w-]))/g, '$1\u00a0');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
