/** Programs that run another command, and how to find that command. */
import { known, type Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import { doubt, textInner, type Inner } from './inner.ts'
import { innerOf as packageRunner } from './runners.ts'
import { findInner, gitInner, xargsInner } from './special.ts'
import { scriptInner } from './scripts.ts'
import { interpreterInner, shellInner } from './shells.ts'
import { toolInner } from './tools.ts'

interface Shape {
  /** Options that take a value. */
  readonly valued?: string
  /** Other known options. Any further option is a doubt. */
  readonly plain?: string
  /** Number of words before the command. */
  readonly skip?: number
  /** Whether `NAME=value` may precede the command. */
  readonly env?: true
  /** With one of these options nothing is run. */
  readonly query?: string
  /** The command runs where paths have another meaning. */
  readonly elsewhere?: true
}

const SHAPES: Readonly<Record<string, Shape>> = {
  env: { valued: '-u --unset', plain: '-i - -0 -v --ignore-environment --null --debug', env: true },
  nice: { valued: '-n --adjustment' },
  ionice: { valued: '-c -n --class --classdata', plain: '-t' },
  timeout: {
    valued: '-s -k --signal --kill-after',
    plain: '-v --verbose --foreground --preserve-status -f -p',
    skip: 1,
  },
  gtimeout: { valued: '-s -k --signal --kill-after', plain: '-v --verbose --foreground --preserve-status', skip: 1 },
  nohup: {},
  setsid: { plain: '-c -f -w --ctty --fork --wait' },
  stdbuf: { valued: '-i -o -e --input --output --error' },
  time: { valued: '-f -o --format --output', plain: '-p -v -a -q --portability --verbose --append --quiet' },
  chrt: { plain: '-f -r -o -b -i --fifo --rr --other --batch --idle', skip: 1 },
  taskset: { plain: '-c --cpu-list', skip: 1 },
  command: { plain: '-p', query: '-v -V' },
  builtin: {},
  exec: { valued: '-a', plain: '-c -l -cl' },
  sudo: {
    valued: '-u -g -h -p -C -D -R -T -U -r -t --user --group --host --prompt --chdir --chroot',
    plain:
      '-n -E -H -S -b -A -i -s -k -P --non-interactive --preserve-env --set-home --stdin --background --login --shell',
    query: '-l -v -V --list --validate --version -K',
    env: true,
  },
  doas: { valued: '-u -C', plain: '-n -s' },
  pkexec: { valued: '--user', plain: '--disable-internal-agent' },
  gosu: { skip: 1 },
  'su-exec': { skip: 1 },
  tini: { valued: '-p', plain: '-s -g -v -w' },
  'dumb-init': { plain: '-c -v' },
  unbuffer: { plain: '-p' },
  caffeinate: { valued: '-t -w', plain: '-d -i -m -s -u' },
  'xvfb-run': { valued: '-n -s -e -f -w --server-num --server-args', plain: '-a -l --auto-servernum' },
  'dbus-run-session': { valued: '--config-file' },
  strace: {
    valued: '-e -o -p -s -P -u -E -a -I -O -S -X',
    plain: '-f -ff -t -tt -T -c -C -q -qq -v -x -y -yy -k -w -r -i',
  },
  ltrace: { valued: '-e -o -p -s -u -l -n -A', plain: '-f -S -c -C -t -T -r -i' },
  valgrind: { plain: '*' },
  torsocks: {},
  torify: {},
  proxychains4: { valued: '-f', plain: '-q' },
  proxychains: { valued: '-f', plain: '-q' },
  fakeroot: { valued: '-l -s -i -b --lib --faked', plain: '-u --unknown-is-real' },
  eatmydata: {},
  'run-one': {},
  rlwrap: { plain: '-a -c -r' },
  chroot: { valued: '--userspec --groups', plain: '--skip-chdir', skip: 1, elsewhere: true },
  unshare: { plain: '*', elsewhere: true },
  'cross-env': { env: true },
  'cross-env-shell': { env: true },
  dotenv: { valued: '-e -f -p -v -c', plain: '-o --override' },
  busybox: { query: '--list --help --install' },
  toybox: { query: '--list --help' },
  choom: { valued: '-n -p' },
  prlimit: { plain: '*' },
  setarch: { plain: '*', skip: 1 },
  numactl: { plain: '*', valued: '-m -N -C -i -p' },
  noglob: {},
  setpriv: { plain: '*' },
  linux64: { plain: '*' },
  linux32: { plain: '*' },
  'ssh-agent': { valued: '-a -t -P -E', plain: '*' },
  perf: { valued: '-o -e -p', plain: '*', skip: 1 },
  firejail: { plain: '*' },
  catchsegv: {},
  faketime: { valued: '-f', plain: '-m', skip: 1 },
}

/** The dynamic linker runs the program in its arguments. */
const LOADER = /^ld(-[\w-]+)?\.so(\.\d+)?$/
const LOADS: Shape = {
  valued: '--library-path --preload --audit --argv0 --inhibit-rpath --glibc-hwcaps-prepend',
  query: '--list --verify --version',
}

/** Programs that run something in ways that are not analysed. */
const OPAQUE: Readonly<Record<string, string>> = {
  eval: 'eval runs a text that is put together while it runs',
  source: 'source runs a file in this shell',
  '.': '"." runs a file in this shell',
  alias: 'an alias changes what later words mean',
  enable: 'enable changes what later words mean',
  bind: 'bind attaches commands to keys',
  ssh: 'ssh runs commands on another machine',
  mosh: 'mosh runs commands on another machine',
  su: 'su runs a shell as another user',
  runuser: 'runuser runs a command as another user',
  nsenter: 'nsenter runs a command in other namespaces',
  bwrap: 'bwrap runs a command in other namespaces',
  'systemd-run': 'systemd-run starts something that outlives this shell',
  at: 'at starts something later',
  batch: 'batch starts something later',
  crontab: 'crontab starts something later',
  tmux: 'tmux runs commands in other terminals',
  screen: 'screen runs commands in other terminals',
  expect: 'expect types into other programs',
  script: 'script runs a shell',
  parallel: 'parallel puts commands together from its input',
  gdb: 'gdb runs commands inside of programs',
  lldb: 'lldb runs commands inside of programs',
  socat: 'socat can run programs',
  nc: 'nc can run programs',
  ncat: 'ncat can run programs',
  netcat: 'netcat can run programs',
  osascript: 'osascript drives other programs',
  watchexec: 'watchexec runs commands again and again',
  entr: 'entr runs commands again and again',
  'start-stop-daemon': 'start-stop-daemon starts something that outlives this shell',
  'run-parts': 'run-parts runs every file of a folder',
  capsh: 'capsh runs a shell',
  ansible: 'ansible runs commands on other machines',
}

/** The commands inside `one`; empty for a program that runs no other. */
export function innerOf(one: Invocation, stdin: { readonly kind: string; readonly text?: string }): readonly Inner[] {
  const { name } = one.program
  const shape = LOADER.test(name) ? LOADS : Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined
  if (name === 'ip') return netnsInner(one)
  if (name === 'env') return envInner(one, SHAPES['env'] ?? {})
  if (name === 'alias' || name === 'enable')
    return one.args.length === 0 ? [] : [{ kind: 'doubt', reason: OPAQUE[name] ?? '' }]
  if (name === 'trap') return trapInner(one)
  if (name === 'flock') return flockInner(one)
  if (name === 'watch') return joinedInner(one, '-n -d -t -b -e -g -c -x --interval'.split(' '))
  if (name === 'hyperfine') return one.parts.words.map((arg) => textInner(arg))
  if (name === 'concurrently') return one.parts.words.map((arg) => textInner(arg))
  if (name === 'ssh' && one.args.some((arg) => arg.value === '-V')) return []
  if (Object.hasOwn(OPAQUE, name)) return [{ kind: 'doubt', reason: OPAQUE[name] ?? '' }]
  if (shape) return shapeInner(one, shape)
  return [
    ...findInner(one),
    ...xargsInner(one),
    ...gitInner(one),
    ...shellInner(one, stdin),
    ...interpreterInner(one, stdin),
    ...scriptInner(one),
    ...toolInner(one, stdin),
    ...packageRunner(one),
  ]
}

/** `ip netns exec NAME COMMAND`, in any of its abbreviations. */
function netnsInner({ args }: Invocation): Inner[] {
  const at = args.findIndex(
    ({ value }, i) => i > 0 && /^e(x(e(c)?)?)?$/.test(value) && /^(n|v)/.test(args[i - 1]?.value ?? ''),
  )
  return at < 0 ? [] : [{ kind: 'command', argv: args.slice(at + 2), elsewhere: true }]
}

function shapeInner({ args, program }: Invocation, shape: Shape): Inner[] {
  const valued = new Set(shape.valued?.split(' '))
  const plain = new Set(shape.plain?.split(' '))
  const query = new Set(shape.query?.split(' '))
  let skip = shape.skip ?? 0
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    if (arg === undefined) break
    if (arg.kind === 'dynamic' && skip === 0) return [doubt(`what ${program.name} runs is not known: ${arg.raw}`)]
    if (arg.kind === 'static' && query.has(arg.value)) return []
    if (arg.kind === 'static' && arg.value === '--') {
      return rest(args.slice(i + 1 + skip), shape)
    }
    if (arg.head.startsWith('-') && arg.head.length > 1) {
      const name = arg.value.startsWith('--') ? (arg.value.split('=')[0] ?? '') : arg.value
      if (valued.has(name)) i += arg.value.includes('=') && name !== arg.value ? 0 : 1
      else if (!isPlain(name, plain, valued))
        return [doubt(`an option of ${program.name} that is not known: ${arg.raw}`)]
      continue
    }
    if (shape.env && /^[A-Za-z_][A-Za-z0-9_]*=/.test(arg.head)) continue
    if (skip > 0) {
      skip -= 1
      continue
    }
    return rest(args.slice(i), shape)
  }
  return []
}

/** Whether an option needs no value from the next argument: `-n10`, `-oL`, `-5` and clusters of plain letters. */
function isPlain(name: string, plain: ReadonlySet<string>, valued: ReadonlySet<string>): boolean {
  if (plain.has('*') || plain.has(name)) return true
  if (name.startsWith('--')) return false
  if (/^-\d+$/.test(name)) return true
  return (
    valued.has(name.slice(0, 2)) ||
    name
      .slice(1)
      .split('')
      .every((letter) => plain.has(`-${letter}`))
  )
}

function rest(argv: readonly Arg[], shape: Shape): Inner[] {
  if (argv.length === 0) return []
  return [{ kind: 'command', argv, ...(shape.elsewhere ? { elsewhere: true } : {}) }]
}

/** `env -S 'rm x'` splits a text, `env -C dir` changes the folder. */
function envInner(one: Invocation, shape: Shape): Inner[] {
  const special = one.args.find((arg) => /^(-[^-]*[SC]|--split-string|--chdir)/.test(arg.value))
  if (special && one.args.slice(0, one.args.indexOf(special)).every((arg) => /^-|=/.test(arg.value))) {
    const split = /^(?:-[^-CS]*S|--split-string=?)(.*)$/s.exec(special.value)
    if (!split) return [doubt('env runs it in another folder')]
    const i = one.args.indexOf(special)
    const text = split[1] === '' ? one.args[i + 1]?.value : split[1]
    const more = one.args.slice(i + (split[1] === '' ? 2 : 1))
    if (special.kind !== 'static' || text === undefined) return [doubt('what env runs is not known')]
    if (/["'\\$#]/.test(text)) return [doubt('env -S takes a text apart by rules of its own')]
    const words = text
      .trim()
      .split(/\s+/)
      .map((word) => known(word))
    return envInner({ ...one, args: [...words, ...more] }, shape)
  }
  return shapeInner(one, shape)
}

function trapInner(one: Invocation): Inner[] {
  const [first] = one.parts.words
  if (first === undefined || one.parts.words.length < 2 || first.value === '-' || first.value === '') return []
  return [textInner(first)]
}

function flockInner(one: Invocation): Inner[] {
  const at = one.args.findIndex((arg) => arg.value === '-c' || arg.value === '--command')
  if (at >= 0) {
    const text = one.args[at + 1]
    return text ? [textInner(text)] : []
  }
  return shapeInner(one, {
    valued: '-w -E --timeout --conflict-exit-code',
    plain: '-s -x -e -n -u -o -F -v --shared --exclusive --nonblock --unlock --close --no-fork --verbose',
    skip: 1,
  })
}

/** `watch rm -rf x` passes its words, joined, to a shell. */
function joinedInner(one: Invocation, options: readonly string[]): Inner[] {
  let i = 0
  while (i < one.args.length) {
    const arg = one.args[i]
    if (!arg?.value.startsWith('-')) break
    if (!options.some((option) => arg.value.startsWith(option)))
      return [doubt(`an option that is not known: ${arg.raw}`)]
    i += /^(-n|--interval)$/.test(arg.value) ? 2 : 1
  }
  const words = one.args.slice(i)
  if (words.length === 0) return []
  if (words.some((word) => word.kind === 'dynamic')) return [doubt('what it runs is not known')]
  return [{ kind: 'script', text: words.map((word) => word.value).join(' ') }]
}
