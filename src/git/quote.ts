/** `text` as one word of a POSIX shell command, for commands that are shown to the user to run. */
export function quoteShell(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
