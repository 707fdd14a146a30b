/**
 * A path pattern as a regular expression for `/`-separated paths. `*` and `?` match within one name, `**` matches any number of
 * names, `[...]` and `{a,b}` work as in a shell. Names that begin with a dot match like any other, because many files to be copied
 * or watched have one. A pattern that ends in `/` means the folder itself.
 */
export function globToRegExp(pattern: string): RegExp {
  const text = pattern.replace(/\/$/, '')
  let out = ''
  let depth = 0
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
      const end = text.indexOf(']', i + 2)
      if (end === -1) out += '\\['
      else {
        const set = text
          .slice(i + 1, end)
          .replace(/^!/, '^')
          .replace(/\\/g, '\\\\')
        out += `(?!/)[${set}]`
        i = end
      }
    } else if (char === '{' && text.includes('}', i)) {
      out += '(?:'
      depth += 1
    } else if (char === '}' && depth > 0) {
      out += ')'
      depth -= 1
    } else if (char === ',' && depth > 0) out += '|'
    else if (char === '\\' && i + 1 < text.length) out += escape(text[(i += 1)] ?? '')
    else out += escape(char)
  }
  return new RegExp(`^${out}$`, 's')
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
