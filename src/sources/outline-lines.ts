/** Whether `line` closes a code fence that was opened with `mark`. */
export function codeEnds(line: string, mark: string): boolean {
  const text = line.trim()
  return text.length >= mark.length && text === mark.charAt(0).repeat(text.length)
}

/**
 * `text` without `<!-- ... -->` outside code spans. `open`: the text before a comment that is not closed within `text` (null:
 * there is none); `shown` then contains the unclosed comment.
 */
export function withoutComments(text: string): { readonly shown: string; readonly open: string | null } {
  let shown = ''
  let rest = text
  for (;;) {
    const next = /`+|<!--/.exec(rest)
    if (!next) return { shown: shown + rest, open: null }
    const before = shown + rest.slice(0, next.index)
    const behind = rest.slice(next.index + next[0].length)
    if (next[0] === '<!--') {
      const end = behind.indexOf('-->')
      if (end < 0) return { shown: shown + rest, open: before }
      shown = before
      rest = behind.slice(end + 3)
      continue
    }
    const close = closingTicks(behind, next[0].length)
    shown = before + next[0] + behind.slice(0, close)
    rest = behind.slice(close)
  }
}

/** The end of a code span in `text`, which begins after its opening `count` backticks; 0: it does not end. */
function closingTicks(text: string, count: number): number {
  for (const run of text.matchAll(/`+/g)) {
    if (run[0].length === count) return run.index + count
  }
  return 0
}
