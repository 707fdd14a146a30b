/**
 * Splits shell text into simple commands, each a list of unquoted words. This finds out what a command names; it is no safety
 * check. What it does not understand (substitutions, variables) stays in the words as written.
 */
export function simpleCommands(text: string): string[][] {
  const commands: string[][] = []
  let words: string[] = []
  let word: string | null = null
  const endWord = (): void => {
    if (word !== null) words.push(word)
    word = null
  }
  const endCommand = (): void => {
    endWord()
    const bare = withoutKeywords(words)
    if (bare.length > 0) commands.push(bare)
    words = []
  }
  const source = withoutHereDocuments(text.replace(/\\\r?\n/g, ' '))
  for (let i = 0; i < source.length; i++) {
    const c = source[i] ?? ''
    if (c === '\\') {
      word = (word ?? '') + (source[++i] ?? '')
    } else if (c === "'") {
      const end = source.indexOf("'", i + 1)
      word = (word ?? '') + source.slice(i + 1, end === -1 ? undefined : end)
      i = end === -1 ? source.length : end
    } else if (c === '"') {
      word ??= ''
      for (i += 1; i < source.length && source[i] !== '"'; i++) {
        if (source[i] === '\\' && /["\\$`\n]/.test(source[i + 1] ?? '')) i += 1
        word += source[i] ?? ''
      }
    } else if (c === '#' && word === null) {
      while (i + 1 < source.length && source[i + 1] !== '\n') i += 1
    } else if (c === '$' && (source[i + 1] === '(' || source[i + 1] === '{')) {
      const end = closing(source, i + 1)
      word = (word ?? '') + source.slice(i, end + 1)
      i = end
    } else if (c === '>' || c === '<') {
      // A redirection: neither its descriptor nor its target is a word of the command.
      if (word !== null && /^\d$/.test(word)) word = null
      endWord()
      while (/[<>&|]/.test(source[i + 1] ?? '')) i += 1
      while (source[i + 1] === ' ') i += 1
      while (i + 1 < source.length && !/[\s;|&()]/.test(source[i + 1] ?? '')) i += 1
    } else if (/[;|&()\n]/.test(c)) {
      endCommand()
    } else if (/\s/.test(c)) {
      endWord()
    } else {
      word = (word ?? '') + c
    }
  }
  endCommand()
  return commands
}

const KEYWORDS = new Set(['if', 'then', 'else', 'elif', 'do', 'while', 'until', '{', '!', 'time', 'exec', 'command'])

function withoutKeywords(words: readonly string[]): string[] {
  let from = 0
  while (from < words.length && KEYWORDS.has(words[from] ?? '')) from += 1
  const rest = words.slice(from)
  return /^(fi|done|esac|for|case|in|\}|function)$/.test(rest[0] ?? '') ? [] : rest
}

function closing(source: string, open: number): number {
  const [left, right] = source[open] === '(' ? ['(', ')'] : ['{', '}']
  let depth = 0
  for (let i = open; i < source.length; i++) {
    if (source[i] === left) depth += 1
    else if (source[i] === right && --depth === 0) return i
  }
  return source.length - 1
}

function withoutHereDocuments(text: string): string {
  const out: string[] = []
  let end: string | null = null
  for (const line of text.split('\n')) {
    if (end !== null) {
      if (line.trim() === end) end = null
      continue
    }
    out.push(line)
    end = /<<-?\s*['"]?([A-Za-z_]\w*)['"]?/.exec(line)?.[1] ?? null
  }
  return out.join('\n')
}

/** Programs that run the program in their arguments, with those of their flags that take a value. */
const WRAPPERS: readonly { readonly words: readonly string[]; readonly valued?: readonly string[] }[] = [
  { words: ['env'], valued: ['-u', '-C', '-S'] },
  { words: ['nice'], valued: ['-n'] },
  { words: ['nohup'] },
  { words: ['sudo'], valued: ['-u', '-g'] },
  { words: ['stdbuf'] },
  { words: ['xvfb-run'], valued: ['-s', '-n'] },
  { words: ['cross-env'] },
  { words: ['cross-env-shell'] },
  { words: ['dotenv'], valued: ['-e', '-c'] },
  { words: ['npx'], valued: ['-p', '--package'] },
  { words: ['bunx'] },
  { words: ['npm', 'exec'], valued: ['-p', '--package'] },
  { words: ['npm', 'x'], valued: ['-p', '--package'] },
  { words: ['pnpm', 'exec'] },
  { words: ['pnpm', 'dlx'] },
  { words: ['yarn', 'exec'] },
  { words: ['yarn', 'dlx'] },
  { words: ['uv', 'run'], valued: ['--with', '--python', '-p', '--extra', '--group', '--project', '--directory'] },
  { words: ['uvx'] },
  { words: ['poetry', 'run'] },
  { words: ['pipenv', 'run'] },
  { words: ['pdm', 'run'] },
  { words: ['rye', 'run'] },
  { words: ['hatch', 'run'] },
  { words: ['bundle', 'exec'] },
  { words: ['c8'], valued: ['--reporter', '-r', '--include', '-n', '--exclude', '-x', '--reports-dir', '-o'] },
  { words: ['nyc'], valued: ['--reporter', '-r', '--include', '-n', '--exclude', '-x'] },
]

/** A simple command without leading assignments and without programs that only start another program. */
export function unwrapped(words: readonly string[]): string[] {
  let rest = [...words]
  for (;;) {
    while (/^[A-Za-z_]\w*=/.test(rest[0] ?? '')) rest = rest.slice(1)
    const wrapper = WRAPPERS.find((w) =>
      w.words.every((word, i) => (i === 0 ? programName(rest[0] ?? '') : rest[i]) === word),
    )
    if (programName(rest[0] ?? '') === 'timeout') {
      rest = afterFlags(rest.slice(1), ['-k', '-s']).slice(1)
    } else if (wrapper) {
      const next = afterFlags(rest.slice(wrapper.words.length), wrapper.valued ?? [])
      if (next.length === 0) return rest
      rest = next
    } else {
      return rest
    }
  }
}

function afterFlags(words: readonly string[], valued: readonly string[]): string[] {
  let i = 0
  while (i < words.length && (words[i] ?? '').startsWith('-')) {
    if (words[i] === '--') return words.slice(i + 1)
    i += valued.includes(words[i] ?? '') ? 2 : 1
  }
  return words.slice(i)
}

/** `/usr/bin/python3.11` -> `python3.11` */
export function programName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1)
}
