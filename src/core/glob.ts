/**
 * A path pattern as a regular expression for `/`-separated paths. `*` and `?` match within one name, `**` matches any number of
 * names, `[...]` and `{a,b}` work as in a shell. Names that begin with a dot match like any other, because many files to be copied
 * or watched have one. A pattern that ends in `/` means the folder itself. No pattern is invalid: of an impossible range such as
 * `[z-a]` only the first character matches, as in git, and a bracket or brace that is not closed matches itself.
 */
export function globToRegExp(pattern: string): RegExp {
  return new RegExp(`^${translate(pattern).source}$`, 's')
}

/** Whether a range in brackets ends before it begins, which nobody means. */
export function hasImpossibleRange(pattern: string): boolean {
  return translate(pattern).impossible
}

function translate(pattern: string): { readonly source: string; readonly impossible: boolean } {
  const text = pattern.replace(/\/$/, '')
  let out = ''
  let depth = 0
  let impossible = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    if (char === '*' && text[i + 1] === '*') {
      const before = text[i - 1] ?? '/'
      const begins = before === '/' || (depth > 0 && (before === '{' || before === ','))
      const wholeName = begins && (text[i + 2] === '/' || i + 2 === text.length)
      if (wholeName && text[i + 2] === '/') {
        out += '(?:[^/]+/)*'
        i += 2
      } else {
        out += '.*'
        i += 1
      }
    } else if (char === '*') out += '[^/]*'
    else if (char === '?') out += '[^/]'
    else if (char === '[') {
      const found = classAt(text, i)
      if (found === null) out += '\\['
      else {
        out += `(?!/)${found.source}`
        impossible ||= found.impossible
        i = found.end
      }
    } else if (char === '{' && isClosed(text, i)) {
      out += '(?:'
      depth += 1
    } else if (char === '}' && depth > 0) {
      out += ')'
      depth -= 1
    } else if (char === ',' && depth > 0) out += '|'
    else if (char === '\\' && i + 1 < text.length) out += escape(text[(i += 1)] ?? '')
    else out += escape(char)
  }
  return { source: out, impossible }
}

interface Class {
  readonly source: string
  /** The index of its closing bracket. */
  readonly end: number
  readonly impossible: boolean
}

/** The class whose opening bracket is at `start`, read as git reads it; null: it is not closed. */
function classAt(text: string, start: number): Class | null {
  const negated = text[start + 1] === '!' || text[start + 1] === '^'
  const first = start + (negated ? 2 : 1)
  let set = ''
  let impossible = false
  // A closing bracket that comes first is a member.
  for (let i = first; i < text.length; i++) {
    if (text[i] === ']' && i > first) return { source: `[${negated ? '^' : ''}${set}]`, end: i, impossible }
    if (text[i] === '\\') i += 1
    const from = text[i] ?? ''
    set += escape(from)
    if (text[i + 1] !== '-' || text[i + 2] === undefined || text[i + 2] === ']') continue
    i += text[i + 2] === '\\' ? 3 : 2
    const to = text[i] ?? ''
    if (from <= to) set += `-${escape(to)}`
    else impossible = true
  }
  return null
}

/** Whether the brace at `start` is closed. */
function isClosed(text: string, start: number): boolean {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i += 1
    else if (text[i] === '[') i = classAt(text, i)?.end ?? i
    else if (text[i] === '{') depth += 1
    else if (text[i] === '}' && --depth === 0) return true
  }
  return false
}

function escape(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** The folder that contains every match of `pattern`: its names before the first wildcard; empty: there are none. */
export function fixedPart(pattern: string): string {
  const names = pattern.replace(/\/$/, '').split('/')
  const wild = names.findIndex((name) => /[*?[{\\]/.test(name))
  return (wild === -1 ? names : names.slice(0, wild)).join('/')
}
