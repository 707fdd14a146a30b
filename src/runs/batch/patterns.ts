/** Path patterns of a batch, relative to its folder. */
import { globToRegExp, hasImpossibleRange } from '../../core/glob.ts'

/** What is wrong with a pattern, or null. */
export function patternProblem(pattern: string): string | null {
  const plain = plainPattern(pattern)
  if (plain.startsWith('/')) return 'it is absolute: put the batch file into the folder that it is about'
  if (plain.split('/').includes('..')) return 'it leaves the folder: put the batch file into the folder above'
  if (/(?<!\\)[@?+*!]\(/.test(plain)) return 'patterns such as "@(a|b)" are not supported: use "{a,b}"'
  return hasImpossibleRange(plain) ? 'its brackets are not valid' : null
}

/** Whether a path is wanted: it matches a pattern of `glob`, but none that begins with `!` and none of `exclude`. */
export function matcher(glob: readonly string[], exclude: readonly string[]): (path: string) => boolean {
  const wanted = glob.filter((pattern) => !pattern.startsWith('!')).flatMap(compile)
  const unwanted = [...glob.filter((pattern) => pattern.startsWith('!')), ...exclude].flatMap(compile)
  const all = wanted.length === 0
  return (path) => (all || wanted.some((one) => one.test(path))) && !unwanted.some((one) => one.test(path))
}

/** The pattern without a leading `!` or `./` and without trailing slashes. */
function plainPattern(pattern: string): string {
  return pattern
    .replace(/^!/, '')
    .replace(/^(\.\/+)+/, '')
    .replace(/\/+$/, '')
}

function compile(pattern: string): RegExp[] {
  const plain = plainPattern(pattern)
  if (plain === '' || plain === '.') return [globToRegExp('**')]
  // The name of a folder also matches everything in it.
  const name = plain.slice(plain.lastIndexOf('/') + 1)
  return /[*?[{]/.test(name) ? [globToRegExp(plain)] : [globToRegExp(plain), globToRegExp(`${plain}/**`)]
}
