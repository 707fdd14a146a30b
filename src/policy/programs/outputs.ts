/** Options and words that name what a program writes. */
import { isFlag, known, type Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import { flagSpec, sameAs } from './flags.ts'
import { hasOption, spelled, type Option } from './options.ts'
import { looksLikePath, type PathUse } from './path-use.ts'

/** Options that name a file or folder to write, of every program. */
const OF_ALL =
  '--output --output-file --outfile --out --out-dir --outdir --output-dir --log-file --target-directory'.split(' ')

/** The same, by program. */
const OUT = new Map(
  Object.entries<string>({
    sort: '-o',
    shuf: '-o',
    tree: '-o',
    iconv: '-o',
    base64: '-o',
    less: '-o -O --LOG-FILE',
    cp: '-t',
    mv: '-t',
    ln: '-t',
    install: '-t',
    curl: '-o -D --dump-header -c --cookie-jar --trace --trace-ascii --stderr --libcurl --hsts --alt-svc --etag-save',
    wget: '-O -P -o -a --append-output --save-cookies --hsts-file --warc-file --rejected-log',
    aria2c: '-d --dir -o --log -l --save-session',
    http: '-o',
    tar: '-C -g --listed-incremental --index-file',
    cpio: '-D --directory',
    ...Object.fromEntries('gcc g++ cc c++ clang clang++'.split(' ').map((name) => [name, '-o -MF'])),
    ld: '-o -Map',
    as: '-o',
    rustc: '-o',
    go: '-o -coverprofile -cpuprofile -memprofile -blockprofile -mutexprofile -trace -outputdir',
    cargo: '--target-dir',
    git: '--output-directory --separate-git-dir --export-marks --index-output',
    strace: '-o',
    ltrace: '-o',
    perf: '-o',
    time: '-o --output',
    tsc: '--outDir --outFile --declarationDir --tsBuildInfoFile --generateTrace --generateCpuProfile',
    unzip: '-d',
    patch: '-o -d --directory -r --reject-file',
    '7z': '-o',
    rsync: '--backup-dir --write-batch --partial-dir --temp-dir',
    openssl: '-out -keyout -writerand',
    gpg: '-o',
    age: '-o',
    pandoc: '-o',
    dot: '-o',
    flex: '-o',
    bison: '-o',
    tcpdump: '-w',
    eslint: '-o --cache-location',
    ruff: '-o',
    node: '--redirect-warnings --cpu-prof-dir --heap-prof-dir --report-dir --report-directory --diagnostic-dir --trace-event-file-pattern --snapshot-blob',
    docker: '--iidfile --cidfile',
    terraform: '-out -state -state-out',
    zstd: '-o',
    brotli: '-o',
  }),
)
/** Options of subcommands of git; `bundle create` is followed by its file. */
const GIT_OUT = new Map(
  Object.entries<string>({
    archive: '-o',
    'format-patch': '-o',
    bugreport: '-o',
    diagnose: '-o',
    'checkout-index': '--prefix',
    mailsplit: '-o',
  }),
)

/** What `one` writes because of its options, and the values of its other options that may be paths. */
export function optionPaths(one: Invocation): PathUse[] {
  const spec = flagSpec(one.program.name)
  const own = ownOutputs(one)
  return [
    ...(sameAs(one.program.name) === 'tar' ? tarPaths(one) : []),
    ...bundlePath(one),
    ...one.parts.options.flatMap((option): PathUse[] => {
      const { name, value } = withValue(spelled(option, spec))
      const given = value ?? detached(one, option)
      if (given === null || (given.kind === 'static' && given.value === '-')) return []
      const writes = own.has(name) || (OF_ALL.includes(name) && (value !== null || looksLikePath(given)))
      const abbreviated = (): boolean =>
        name.length > 4 && looksLikePath(given) && [...own, ...OF_ALL].some((full) => full.startsWith(name))
      if (writes || (value !== null && name.startsWith('--') && abbreviated()))
        return [{ arg: given, effect: 'write', recursive: false }]
      if (value === null) return []
      // Such as curl -d @file.
      const at = value.kind === 'static' && value.value.startsWith('@') ? known(value.value.slice(1)) : value
      return looksLikePath(at) ? [{ arg: at, effect: 'touch', recursive: false }] : []
    }),
  ]
}

function ownOutputs({ program, parts }: Invocation): ReadonlySet<string> {
  const git = program.name === 'git' ? GIT_OUT.get(parts.words[0]?.value ?? '') : undefined
  return new Set([OUT.get(sameAs(program.name)), OUT.get(program.name), git].flatMap((text) => text?.split(' ') ?? []))
}

/** `-f/etc/x`, of a program whose options are not known. */
function withValue({ name, value, arg }: Option): Option {
  const [, letter, path] = /^(-\w)((?:\/|~|\.\.?\/).*)$/s.exec(name) ?? []
  if (value !== null || arg.kind !== 'static' || letter === undefined || path === undefined) return { name, value, arg }
  return { name: letter, value: known(path, arg.raw), arg }
}

/** The argument after an option of which it is not known that it takes one. */
function detached(one: Invocation, { value, arg }: Option): Arg | null {
  const next = one.args[one.args.indexOf(arg) + 1]
  return value !== null || arg.value.includes('=') || next === undefined || isFlag(next) ? null : next
}

/** `git bundle create FILE` */
function bundlePath({ program, parts }: Invocation): PathUse[] {
  const [command, verb, file] = parts.words
  if (program.name !== 'git' || command?.value !== 'bundle' || verb?.value !== 'create' || !file) return []
  return [{ arg: file, effect: 'write', recursive: false }]
}

const TAR_CHANGES = '-c --create -r --append -u --update -A --catenate --concatenate --delete'.split(' ')

/** The archive, and the folder of `tar xfC FILE FOLDER`: without a dash, the letters of tar's first word take the next words. */
function tarPaths(one: Invocation): PathUse[] {
  const spec = flagSpec('tar')
  const [first, ...rest] = one.args
  const letters = first?.kind === 'static' && /^[A-Za-z]+$/.test(first.value) ? first.value : ''
  const changes =
    /[cruA]/.test(letters) || TAR_CHANGES.some((name) => hasOption(one.parts, { name, value: null }, spec) === 'yes')
  const takes = letters.split('').filter((letter) => 'fCbTXgKNVHLFI'.includes(letter))
  const bundled = takes.flatMap((letter, i) => (rest[i] ? [{ name: `-${letter}`, value: rest[i] }] : []))
  return [...bundled, ...one.parts.options.map((option) => spelled(option, spec))].flatMap(
    ({ name, value }): PathUse[] => {
      if (!value || value.value === '-' || !((name === '-f' && changes) || (name === '-C' && letters.includes('C'))))
        return []
      return [{ arg: value, effect: 'write', recursive: false }]
    },
  )
}
