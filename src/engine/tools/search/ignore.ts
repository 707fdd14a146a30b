import { globToRegExp } from '../../../core/glob.ts'

/** One line of a .gitignore. */
interface IgnoreRule {
  readonly matches: RegExp
  /** Matches the whole path below the file's folder; otherwise only the name. */
  readonly anchored: boolean
  readonly foldersOnly: boolean
  readonly negated: boolean
}

/** The rules of one .gitignore. `folder` is where it lies, relative to the root of the walk (empty: the root itself). */
export interface IgnoreFile {
  readonly folder: string
  readonly rules: readonly IgnoreRule[]
}

/** Parses a .gitignore. Lines that are not patterns are skipped, as git does. */
export function parseIgnore(folder: string, text: string): IgnoreFile {
  return { folder, rules: text.split('\n').flatMap((line) => parseLine(line.replace(/\r$/, ''))) }
}

function parseLine(line: string): IgnoreRule[] {
  if (line.startsWith('#')) return []
  let pattern = withoutTrailingSpaces(line)
  const negated = pattern.startsWith('!')
  if (negated) pattern = pattern.slice(1)
  const foldersOnly = pattern.endsWith('/')
  if (foldersOnly) pattern = pattern.slice(0, -1)
  if (pattern === '') return []
  const anchored = pattern.includes('/')
  if (pattern.startsWith('/')) pattern = pattern.slice(1)
  return [{ matches: globToRegExp(asGlob(pattern)), anchored, foldersOnly, negated }]
}

/** Trailing spaces do not count, unless the last one is escaped. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length
  while (line[end - 1] === ' ' && line[end - 2] !== '\\') end -= 1
  return line.slice(0, end)
}

/** A .gitignore has no braces, and `**` only as a whole name. */
function asGlob(pattern: string): string {
  return pattern
    .split('/')
    .map((name) =>
      name === '**'
        ? name
        : name.replaceAll(/\\.|[{}]|\*+/g, (part) =>
            part.startsWith('*') ? '*' : part.length === 2 ? part : `\\${part}`,
          ),
    )
    .join('/')
}

/**
 * Whether `files` ignore `path`, which is relative to the root of the walk. `files` are ordered from the outermost to the
 * innermost.
 */
export function isIgnored(path: string, isFolder: boolean, files: readonly IgnoreFile[]): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  for (const { folder, rules } of files.toReversed()) {
    const below = folder === '' ? path : path.slice(folder.length + 1)
    const rule = rules.findLast(
      ({ matches, anchored, foldersOnly }) => (isFolder || !foldersOnly) && matches.test(anchored ? below : name),
    )
    if (rule) return !rule.negated
  }
  return false
}
