/** The terminal: how wide it is, and whether it has colours. */

/** On a terminal, unless NO_COLOR asks for none (no-color.org: not empty). */
export function hasColours(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
}

/** Lines that end between words where a terminal would end them within one. What is no terminal gets one line. */
export function wrap(text: string, columns = process.stdout.columns || Infinity, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}
