/** What a shell word becomes, as far as that can be known without running anything. */
import type { Word, WordPart } from 'unbash'
import { unknown, type Arg } from './arg.ts'

/** What variables and `~` stand for at one place in a script. */
export interface Meaning {
  readonly home: string
  /** Possible values of a variable; null: unknown. */
  variable(name: string): readonly Arg[] | null
}

interface Piece {
  readonly text: string
  readonly kind: Arg['kind']
  readonly many: boolean
  /** What a non-static piece certainly begins with. */
  readonly head?: string
}

/** A word with more alternatives than this is not followed. */
const MOST = 64

/** The arguments that `word` becomes; several for `{a,b}` and for variables with several possible values. */
export function argsOf(word: Word, meaning: Meaning): Arg[] {
  let rows: Piece[][] = [[]]
  for (const choices of partsOf(word, meaning)) {
    if (rows.length * choices.length > MOST) return [unknown(word.text)]
    rows = rows.flatMap((row) => choices.map((choice) => [...row, choice]))
  }
  const args = rows.map((row) => joined(row, word.text))
  // The shell turns `{,push}` into one word, because an empty unquoted alternative is no word.
  return word.parts?.every(({ type }) => type === 'BraceExpansion') ? args.filter(isSomething) : args
}

function isSomething({ kind, value }: Arg): boolean {
  return kind !== 'static' || value !== ''
}

function joined(row: readonly Piece[], raw: string): Arg {
  let head = ''
  let open = true
  for (const piece of row) {
    if (!open) break
    if (piece.kind === 'static') head += piece.text
    else {
      head += piece.head ?? ''
      open = false
    }
  }
  const kind = row.some((one) => one.kind === 'dynamic')
    ? 'dynamic'
    : row.some((one) => one.kind === 'glob')
      ? 'glob'
      : 'static'
  const many = kind === 'glob' || row.some((one) => one.many)
  return { raw, kind, value: row.map((one) => one.text).join(''), head, many }
}

function partsOf(word: Word, meaning: Meaning): Piece[][] {
  const parts = word.parts
  const [tilde, rest] = tildeOf(word, meaning)
  if (!parts) return [[plain(tilde === null ? word.value : tilde + word.value.slice(rest))]]
  return parts.flatMap((part, i) => {
    if (part.type === 'DoubleQuoted' || part.type === 'LocaleString') {
      return [[plain('')], ...part.parts.map((child) => piecesOf(child, meaning, true))]
    }
    const pieces = piecesOf(part, meaning, false)
    const first = pieces[0]
    if (i > 0 || tilde === null || part.type !== 'Literal' || first === undefined) return [pieces]
    return [[plain(tilde + first.text.slice(rest))]]
  })
}

/** What an unquoted `~` at the beginning stands for, and how many characters it replaces. */
function tildeOf(word: Word, meaning: Meaning): [string | null, number] {
  const name = /^~[^/'"\\$`*?[{]*/.exec(word.text)?.[0]
  if (name === undefined) return [null, 0]
  if (name === '~') return [meaning.home, 1]
  // Another user's home, or the meaning of ~+ and ~-: outside the workspace in any case.
  return [`/home/${name.slice(1)}`, name.length]
}

function plain(text: string): Piece {
  // A NUL ends the word for the shell, but not for us.
  return text.includes('\0') ? dark(text, false) : { text, kind: 'static', many: false }
}

function dark(text: string, many: boolean): Piece {
  return { text, kind: 'dynamic', many }
}

function piecesOf(part: WordPart, meaning: Meaning, quoted: boolean): Piece[] {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return [plain(part.value)]
    case 'DoubleQuoted':
    case 'LocaleString': // split up above; they do not occur inside other words
      return [dark(part.text, false)]
    case 'Glob':
      return [{ text: part.text, kind: 'glob', many: true }]
    case 'ExtendedGlob':
      return [{ text: '*', kind: 'glob', many: true }]
    case 'SimpleExpansion':
      return variablePieces(part.text.slice(1), part.text, meaning, quoted)
    case 'ParameterExpansion':
      return part.prefix === undefined && part.index === undefined && part.operation === undefined
        ? variablePieces(part.parameter, part.text, meaning, quoted)
        : [dark(part.text, !quoted || part.parameter === '@')]
    case 'BraceExpansion':
      return bracePieces(part.text)
    case 'ProcessSubstitution':
      return [plain('/dev/fd/63')]
    case 'ArithmeticExpansion':
      return [dark(part.text, false)]
    case 'CommandExpansion':
      return [dark(part.text, !quoted)]
  }
}

/** `$?`, `$#`, `$$` and `$!` are numbers, which are neither options nor paths. */
const NUMBERS = new Set(['?', '#', '$', '!'])

function variablePieces(name: string, raw: string, meaning: Meaning, quoted: boolean): Piece[] {
  if (NUMBERS.has(name)) return [plain('4242')]
  const values = meaning.variable(name)
  if (values === null || values.length === 0) return [dark(raw, !quoted || name === '@')]
  return values.map(({ kind, value, many, head }) => {
    // An unquoted value is split and globbed again.
    if (!quoted && (value === '' || /[\s*?[\]\\]/.test(value)) && kind === 'static') return dark(raw, true)
    return { text: value, kind, many, head }
  })
}

/** Expands `{a,b}` with plain words; anything more complex is not followed. */
function bracePieces(text: string): Piece[] {
  const inner = /^\{([\w./:+@%-]*(?:,[\w./:+@%-]*)+)\}$/.exec(text)?.[1]
  return inner === undefined ? [dark(text, true)] : inner.split(',').map((choice) => plain(choice))
}
