import { globToRegExp } from '../../../core/glob.ts'

/** One line of a .gitignore. */
interface IgnoreRule {
  readonly matches: RegExp
  /** On the whole path below the file's folder; else on the name alone. */
  readonly anchored: boolean
  readonly foldersOnly: boolean
  readonly negated: boolean
}

/** The rules of one file, with the folder it speaks for (relative to the root of the walk, '' for that). */
export interface IgnoreFile {
  readonly folder: string
  readonly rules: readonly IgnoreRule[]
}

/** The rules in the text of a .gitignore; lines that are no pattern are left out, as git does. */
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
  try {
    return [{ matches: globToRegExp(asGlob(pattern)), anchored, foldersOnly, negated }]
  } catch {
    return [] // a set such as [z-a], which matches nothing
  }
}

/** Spaces at the end do not count, unless the last is escaped. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length
  while (line[end - 1] === ' ' && line[end - 2] !== '\\') end -= 1
  return line.slice(0, end)
}

/** A .gitignore knows no braces, and `**` only as a whole name. */
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

/** Whether `path` (relative to the root of the walk) is ignored by `files`, the innermost last. */
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
