/** find, xargs and git: commands that run others in their own ways. */
import { head } from '../../core/text.ts'
import { known, unknown, type Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import type { Inner } from './inner.ts'
import { hasOption } from './options.ts'
import { flagSpec } from './flags.ts'

/** `find DIR -exec rm {} +`, `fd -x rm`. */
export function findInner({ program, args }: Invocation): Inner[] {
  if (program.name === 'fd' || program.name === 'fdfind') {
    const at = args.findIndex((arg) => /^(-[xX]|--exec(-batch)?)$/.test(arg.value))
    if (at < 0) return []
    const words = args.slice(at + 1)
    const marked = words.some((word) => word.value.includes('{')) ? words : [...words, known('{}')]
    return [{ kind: 'command', argv: placed(marked, '.', '{}'), note: standsFor(marked, '{}', 'what fd matches') }]
  }
  if (program.name !== 'find' && program.name !== 'gfind') return []
  const inner: Inner[] = []
  const first = args.find((arg) => !/^-[HLPDO]/.test(arg.head))
  const start = first && !/^[-(!]/.test(first.head) ? first.value : '.'
  const onlyStart = args.filter((arg) => !/^-[HLPDO]/.test(arg.head)).findIndex((arg) => /^[-(!]/.test(arg.head)) <= 1
  for (const [i, arg] of args.entries()) {
    if (!/^-(exec|execdir|ok|okdir)$/.test(arg.value)) continue
    const rest = args.slice(i + 1)
    const end = rest.findIndex((one, j) => one.value === ';' || (one.value === '+' && rest[j - 1]?.value === '{}'))
    if (end < 0) inner.push({ kind: 'doubt', reason: `the end of find ${arg.value} is not known` })
    else {
      const words = rest.slice(0, end)
      inner.push({
        kind: 'command',
        argv: placed(words, onlyStart && !arg.value.endsWith('dir') ? start : null, '{}'),
        note: standsFor(words, '{}', `what find matches in ${searched(args)}`),
      })
    }
  }
  if (args.some((arg) => arg.kind === 'dynamic' && arg.head === '' && arg.many)) {
    inner.push({ kind: 'doubt', reason: 'find may be told to run or delete something' })
  }
  return inner
}

/** The folders that find searches, as written. */
function searched(args: readonly Arg[]): string {
  const rest = args.filter((arg) => !/^-[HLPDO]/.test(arg.head))
  const end = rest.findIndex((arg) => /^[-(!]/.test(arg.head))
  const folders = rest.slice(0, end < 0 ? undefined : end).map(({ raw }) => raw)
  return folders.length === 0 ? '.' : head(folders.join(' '), 100)
}

/** Explains `mark`, if one of the words contains it; else null. */
function standsFor(words: readonly Arg[], mark: string, what: string): string | null {
  return words.some((word) => word.value.includes(mark)) ? `${mark} is ${what}` : null
}

/** The words, with `mark` replaced by a pattern for files below `start` (null: an unknown path). */
function placed(words: readonly Arg[], start: string | null, mark: string): Arg[] {
  return words.map((word) => {
    if (!word.value.includes(mark)) return word
    if (word.value !== mark || start === null)
      return unknown(word.raw, word.value.slice(0, word.value.indexOf(mark)), false)
    const folder = start.endsWith('/') ? start : `${start}/`
    return { raw: word.raw, kind: 'glob', value: `${folder}*`, head: folder, many: true }
  })
}

const XARGS_VALUED = new Set(
  '-n -P -d -E -L -s -a -I -J -R --max-args --max-procs --delimiter --max-lines --max-chars --arg-file --replace'.split(
    ' ',
  ),
)
const XARGS_PLAIN =
  /^-([0rtpxo]+|-null|-no-run-if-empty|-verbose|-interactive|-exit|-open-tty|[nPLsdEIai].+|-(max-\w+|delimiter|arg-file|replace|eof)=.*|i|l\d*|e.*)$/

/** `xargs rm -f`: the words, followed by what xargs reads. */
export function xargsInner({ program, args }: Invocation): Inner[] {
  if (program.name !== 'xargs' && program.name !== 'gxargs') return []
  let mark: string | null = null
  let i = 0
  for (; i < args.length; i++) {
    const arg = args[i]
    if (arg === undefined) break
    if (arg.value === '--') {
      i += 1
      break
    }
    if (arg.kind === 'dynamic') return [{ kind: 'doubt', reason: `what xargs runs is not known: ${arg.raw}` }]
    if (!arg.value.startsWith('-')) break
    if (/^-i$/.test(arg.value)) mark = '{}'
    else if (/^-[IJ]$/.test(arg.value)) mark = args[i + 1]?.value ?? null
    else if (/^-I./.test(arg.value)) mark = arg.value.slice(2)
    else if (arg.value.startsWith('--replace=')) mark = arg.value.slice(10)
    if (XARGS_VALUED.has(arg.value)) i += 1
    else if (!XARGS_PLAIN.test(arg.value))
      return [{ kind: 'doubt', reason: `an option of xargs that is not known: ${arg.raw}` }]
  }
  const words = args.slice(i)
  if (words.length === 0) return []
  const argv = mark === null ? [...words, unknown('(what xargs reads)')] : placed(words, null, mark)
  return [{ kind: 'command', argv, note: mark === null ? null : standsFor(words, mark, 'what xargs reads') }]
}

/** Git runs commands that options and its configuration name. */
export function gitInner(one: Invocation): Inner[] {
  if (one.program.name !== 'git') return []
  const inner: Inner[] = []
  const [command, second, ...rest] = one.parts.words
  const after = one.args.slice(one.args.findIndex((arg) => arg === command) + 1)
  if (command?.kind !== 'static')
    return command ? [{ kind: 'doubt', reason: `which command of git is not known: ${command.raw}` }] : []
  const valueOf = (...names: string[]): Arg[] =>
    after.flatMap((arg, i) => {
      const next = after[i + 1]
      if (names.includes(arg.value) && next) return [next]
      const long = names.find((name) => name.startsWith('--') && arg.value.startsWith(`${name}=`))
      return long === undefined ? [] : [{ ...arg, value: arg.value.slice(long.length + 1) }]
    })
  if (command.value === 'bisect' && second?.value === 'run')
    inner.push({ kind: 'command', argv: after.slice(after.indexOf(second) + 1) })
  if (command.value === 'submodule' && second?.value === 'foreach')
    inner.push(...script(rest.filter((arg) => !arg.value.startsWith('--'))))
  if (command.value === 'rebase') for (const arg of valueOf('-x', '--exec')) inner.push(...script([arg]))
  if (command.value === 'filter-branch' || command.value === 'difftool' || command.value === 'mergetool') {
    inner.push({ kind: 'doubt', reason: `git ${command.value} runs commands that it is given` })
  }
  const spec = flagSpec('git')
  for (const name of ['--upload-pack', '--receive-pack', '--exec', '--ext-diff', '--open-files-in-pager', '-O', '-u']) {
    if (name === '-O' && command.value !== 'grep') continue
    if (name === '-u' && !['clone', 'fetch', 'fetch-pack', 'ls-remote'].includes(command.value)) continue
    if (name === '--exec' && command.value === 'rebase') continue
    if (hasOption(one.parts, { name, value: null }, spec) === 'yes')
      inner.push({ kind: 'doubt', reason: `git ${name} runs a program` })
  }
  if (one.parts.words.some((arg) => arg.value.startsWith('ext::')))
    inner.push({ kind: 'doubt', reason: 'git ext:: runs a program' })
  return inner
}

function script(words: readonly Arg[]): Inner[] {
  if (words.length === 0) return []
  const dynamic = words.find((word) => word.kind !== 'static')
  if (dynamic) return [{ kind: 'doubt', reason: `what git runs is not known: ${dynamic.raw}` }]
  return [{ kind: 'script', text: words.map((word) => word.value).join(' ') }]
}
