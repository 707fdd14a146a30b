/** Built-in rules that a rule's text cannot express. */
import { isAbsolute } from 'node:path'
import type { Call } from './shell/scanned.ts'
import type { Arg } from './shell/arg.ts'
import { placesOfArg, type Invocation } from './match.ts'
import type { Surroundings } from './places.ts'
import type { Decision } from './port.ts'
import { isKnownReader } from './programs/effects.ts'
import { namesPath } from './programs/variables.ts'
import { known } from './shell/arg.ts'

export interface Remark {
  readonly decision: Decision
  readonly rule: string
  readonly reason: string
}

/** Git settings that only change how output looks or are otherwise harmless. */
const GIT_KEYS =
  /^(user\.(name|email)|color\..*|core\.(quotepath|autocrlf|abbrev)|core\.pager=(cat|less)?$|advice\..*|commit\.gpgsign=false|tag\.gpgsign=false|init\.defaultbranch|log\.\w+|diff\.(renames|algorithm|noprefix|context)|merge\.conflictstyle|pull\.(rebase|ff)|push\.default|status\.\w+|column\.\w+|gc\.auto=0|protocol\.version)/i

/** Remarks of the built-in checks on one command, in addition to the built-in rules. */
export function checkCommand(one: Invocation, call: Call, around: Surroundings): Remark[] {
  return [
    ...gitChecks(one),
    ...killChecks(one),
    ...downloadChecks(one, call),
    ...programChecks(one, around),
    ...chmodChecks(one),
    ...indexChecks(one),
    ...fileChecks(one, around),
    ...linkChecks(one, around),
    ...builtinChecks(one),
  ]
}

function ask(rule: string, reason: string): Remark {
  return { decision: 'ask', rule, reason }
}

function deny(rule: string, reason: string): Remark {
  return { decision: 'deny', rule, reason }
}

function gitChecks({ program, parts, args }: Invocation): Remark[] {
  if (program.name !== 'git') return []
  const found: Remark[] = []
  const command = parts.words[0]?.value
  const at = args.findIndex((arg) => arg === parts.words[0])
  const global = at < 0 ? args : args.slice(0, at)
  for (const [i, arg] of global.entries()) {
    const attached = /^-c(.+)$/s.exec(arg.value)?.[1]
    const value = arg.value === '-c' ? global[i + 1] : attached === undefined ? null : { ...arg, value: attached }
    if (value && (value.kind !== 'static' || !GIT_KEYS.test(value.value))) {
      found.push(ask('builtin/git-config', `sets ${value.value}, which may make git run something`))
    }
    if (/^--(config-env|exec-path=)/.test(arg.value))
      found.push(ask('builtin/git-config', `${arg.value} changes what git runs`))
  }
  if (command === 'clone') {
    for (const [i, arg] of args.entries()) {
      const long = arg.value.split('=')[0] ?? ''
      const takes = arg.value === '-c' || (long.length > 5 && '--config'.startsWith(long))
      const attached = /^(?:-c|--conf\w*=)(.+)$/s.exec(arg.value)?.[1]
      const value = attached === undefined ? (takes ? args[i + 1] : undefined) : { ...arg, value: attached }
      if (i > at && value && (value.kind !== 'static' || !GIT_KEYS.test(value.value)))
        found.push(ask('builtin/git-config', `sets ${value.value}, which may make git run something`))
    }
  }
  if (command === 'push') {
    const spec = parts.words.slice(2).find((arg) => /^[+:]./.test(arg.value))
    if (spec)
      found.push(deny('builtin/git-push-force', `${spec.value} replaces or removes a branch of the remote repository`))
  }
  if (command === 'checkout' && args.slice(at + 1).some((arg) => arg.value === '--' || arg.value === '.')) {
    found.push(ask('builtin/git-discard', 'loses work that is not committed'))
  }
  if (command === 'config') {
    const reads = parts.options.some(({ name }) => /^(--get.*|--list|-l|--show-\w+|--name-only)$/.test(name))
    const verb = parts.words[1]?.value
    const plain = parts.words.length === 2 && parts.options.length === 0
    if (!reads && !plain && verb !== 'get' && verb !== 'list')
      found.push(ask('builtin/git-config', 'changes what git does and runs'))
  }
  return found
}

function killChecks({ program, args, parts }: Invocation): Remark[] {
  if (program.name !== 'kill') return []
  const targets = args.filter((arg, i) => !(i === 0 && /^-[A-Za-z0-9]+$/.test(arg.value) && args.length > 1))
  if (targets.some((arg) => arg.value === '1' || arg.value === '-1')) {
    return [deny('builtin/kill-all', 'ends the first process, or all of them')]
  }
  return parts.hidden.length > 0 ? [ask('not-understood', 'which process it ends is not known')] : []
}

const DOWNLOADS = new Set([
  'curl',
  'wget',
  'fetch',
  'aria2c',
  'http',
  'https',
  'nc',
  'ncat',
  'ftp',
  'lwp-request',
  'GET',
])
const RUNS =
  /^((ba|da|a|z|k|mk|fi|c|tc)?sh|python[\d.]*|node|nodejs|perl|ruby|php|lua|deno|bun|eval|source|\.|xargs|sudo|iex|pwsh|tclsh)$/
const SUBSTITUTED = /(\$\(|`|<\()\s*(sudo\s+)?(curl|wget|fetch|aria2c)\b/

function downloadChecks({ program, args }: Invocation, call: Call): Remark[] {
  if (!RUNS.test(program.name)) return []
  const said = deny('builtin/run-download', 'runs what it downloads, unseen')
  if (args.some((arg) => SUBSTITUTED.test(arg.raw))) return [said]
  if (program.name === 'xargs' || call.stdin.kind !== 'pipe') return []
  return downloads(call, 0) ? [said] : []
}

function downloads(call: Call, depth: number): boolean {
  if (call.stdin.kind !== 'pipe' || depth > 20) return false
  return call.stdin.from.some(
    (from) => from.argv.some((arg) => DOWNLOADS.has(lastPart(arg))) || downloads(from, depth + 1),
  )
}

function lastPart(arg: Arg): string {
  return arg.value.slice(arg.value.lastIndexOf('/') + 1)
}

/** A program named by a path: asks if it is neither in the workspace nor where the system keeps its programs. */
function programChecks({ program, cwds }: Invocation, around: Surroundings): Remark[] {
  if (program.path === null || program.trusted) return []
  const places = placesOfArg(known(program.path), cwds, around)
  if (places === null) return [ask('not-understood', 'which program that is depends on the folder')]
  if (places.has('workspace') && places.size === 1) {
    return isKnownReader(program.name)
      ? [ask('builtin/look-alike', `is named like ${program.name} and is another program`)]
      : []
  }
  if (places.has('system') && !places.has('tmp')) return []
  return [ask('builtin/outside', 'runs a program from outside of the workspace')]
}

const RUNS_FILES =
  /^((ba|da|a|z|k|mk)?sh|[gmn]?awk|g?sed|python[\d.]*|node|nodejs|perl|ruby|php|lua|deno|bun|tsx|make|gmake|source|\.)$/
const LOADS = /^(-f|-E|--file|--makefile|-r|--require|--import|--loader|--rcfile|--init-file|-I|--env-file)$/

/** A script or module outside the workspace, whichever program runs it. */
function fileChecks({ program, parts, cwds }: Invocation, around: Surroundings): Remark[] {
  if (!RUNS_FILES.test(program.name)) return []
  const first = /make$|awk$|sed$/.test(program.name) ? [] : parts.words.slice(0, 1)
  const loaded = parts.options.flatMap(({ name, value }) => (LOADS.test(name) && value ? [value] : []))
  return [...first, ...loaded].some((arg) => placesOfArg(arg, cwds, around)?.has('tmp') === true)
    ? [ask('builtin/outside', 'runs a file from outside of the workspace')]
    : []
}

/** `ln -s /etc x; rm x/passwd`: judging a later path does not know about a link that does not exist yet. */
function linkChecks({ program, parts, cwds }: Invocation, around: Surroundings): Remark[] {
  if (program.name !== 'ln' || !parts.options.some(({ name }) => /^-[a-zA-Z]*s|^--sy/.test(name))) return []
  const into = parts.options.find(({ name }) => /^(-t|--target-directory)$/.test(name))?.value
  const last = into ?? (parts.words.length > 1 ? parts.words.at(-1) : known('.'))
  const targets = into || parts.words.length < 2 ? parts.words : parts.words.slice(0, -1)
  if ([...targets, last].some((arg) => arg?.kind !== 'static'))
    return [ask('not-understood', 'where the link leads is not known')]
  // The name of the link, or the folder in which it is created.
  const folders = [last?.value ?? '.', `${last?.value ?? '.'}/..`]
  const outside = targets.find(({ value }) =>
    (isAbsolute(value) ? [value] : folders.map((folder) => `${folder}/${value}`)).some((path) => {
      const places = placesOfArg(known(path), cwds, around)
      return places === null || !places.has('workspace')
    }),
  )
  return outside ? [ask('builtin/outside', `makes a link to what lies outside of the workspace: ${outside.raw}`)] : []
}

/** Builtins with an option that makes them run something or changes the meaning of names. */
function builtinChecks({ program, args }: Invocation): Remark[] {
  const options: Readonly<Record<string, RegExp>> = {
    hash: /^-\w*p/,
    complete: /^-\w*[CF]/,
    compgen: /^-\w*[CF]/,
    mapfile: /^-\w*C/,
    readarray: /^-\w*C/,
  }
  const option = Object.hasOwn(options, program.name) ? options[program.name] : undefined
  const aliases = program.name === 'shopt' && args.some((arg) => arg.value === 'expand_aliases')
  if (!aliases && !(option && args.some((arg) => option.test(arg.head)))) return []
  return [ask('not-understood', `${program.name} changes what later words mean, or runs something`)]
}

function chmodChecks({ program, parts }: Invocation): Remark[] {
  if (program.name !== 'chmod') return []
  const mode = parts.words[0]?.value ?? ''
  return /^0*[2-7]\d{3}$/.test(mode) || /[ugoa]*[+=][rwxXt]*s/.test(mode)
    ? [deny('builtin/chmod-setuid', 'lets a program run as its owner')]
    : []
}

const EVALUATES = new Set(
  'test [ printf read unset let declare typeset local export readonly mapfile readarray wait expr'.split(' '),
)

/** `test -v 'a[$(x)]'` and `declare -a 'a=($(x))'` run x: indexes and array words are evaluated a second time. */
function indexChecks({ program, args }: Invocation): Remark[] {
  if (!EVALUATES.has(program.name)) return []
  const hidden = args.find(
    (arg) =>
      arg.kind === 'static' &&
      /\$\(|`|\$\{/.test(arg.value) &&
      (/\[.+|=\s*\(/.test(arg.value) || program.name === 'let'),
  )
  return hidden ? [ask('not-understood', `${hidden.raw} may be evaluated once more`)] : []
}

/** Variables that change which programs run, or what they run. */
const RUNS_THINGS =
  /^(PATH|LD_.*|DYLD_.*|BASH_ENV|ENV|ZDOTDIR|PROMPT_COMMAND|PS[0-4]|IFS|SHELLOPTS|BASHOPTS|CDPATH|BASH_FUNC.*|GIT_(SSH|SSH_COMMAND|EXTERNAL_DIFF|PAGER|EDITOR|SEQUENCE_EDITOR|ASKPASS|CONFIG.*|EXEC_PATH|PROXY_COMMAND|DIR|WORK_TREE|TEMPLATE_DIR)|PAGER|MANPAGER|LESS|LESSKEY\w*|EDITOR|VISUAL|BROWSER|SSH_ASKPASS|SUDO_ASKPASS|LESSOPEN|LESSCLOSE|NODE_OPTIONS|NODE_PATH|PYTHON(STARTUP|HOME|BREAKPOINT|INSPECT)|PERL5(OPT|LIB|DB)|RUBY(OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|MAVEN_OPTS|GRADLE_OPTS|RUSTC(_WRAPPER|_WORKSPACE_WRAPPER)?|CARGO_BUILD_RUSTC.*|GOFLAGS|CC|CXX|MAKEFLAGS|MAKEFILES|TAR_OPTIONS|RIPGREP_CONFIG_PATH|CURL_HOME|(SYSTEM_)?WGETRC|npm_config_.*|NPM_CONFIG_.*|HOME|XDG_CONFIG_HOME|BELAY_.*|OPENSSL_CONF|GCONV_PATH|LOCPATH|NLSPATH|TERMINFO.*)$/
const HARMLESS_VALUES: Readonly<Record<string, RegExp>> = {
  GIT_PAGER: /^(cat|less|)$/,
  PAGER: /^(cat|less|more|)$/,
  MANPAGER: /^(cat|less|)$/,
  LESS: /^[-A-Za-z0-9# ]*$/,
  GIT_EDITOR: /^(true|:|cat)$/,
  EDITOR: /^(true|:|cat)$/,
  GIT_SEQUENCE_EDITOR: /^(true|:|cat)$/,
  NODE_OPTIONS:
    /^(--(max-old-space-size=\d+|no-warnings|enable-source-maps|trace-warnings|experimental-vm-modules|unhandled-rejections=\w+)\s*)*$/,
  CC: /^(gcc|clang|cc)(-\d+)?$/,
  CXX: /^(g\+\+|clang\+\+|c\+\+)(-\d+)?$/,
  GOFLAGS: /^(-(mod=\w+|race|v|count=\d+|buildvcs=\w+)\s*)*$/,
  MAKEFLAGS: /^(-j\d*)?$/,
}

/** Remarks on setting variables, before a command or without one. */
export function checkVariables(assigned: Call['assigned']): Remark[] {
  return assigned.flatMap(({ name, value }) => {
    if (value?.kind === 'static' && /(\[|^\s*\().*(\$\(|`)/s.test(value.value)) {
      return [ask('not-understood', `${name} holds a command that arithmetic or an array would run`)]
    }
    if (!RUNS_THINGS.test(name)) return []
    const fine = Object.hasOwn(HARMLESS_VALUES, name) ? HARMLESS_VALUES[name] : undefined
    if (fine && value?.kind === 'static' && fine.test(value.value)) return []
    return [ask('builtin/environment', `sets ${name}, which changes what programs run`)]
  })
}

/** Remarks on variables that `read`, `printf -v`, `for` and the like may set to unknown values. */
export function checkIndirect(names: ReadonlySet<string>): Remark[] {
  return [...names]
    .filter((name) => RUNS_THINGS.test(name) || namesPath(name))
    .map((name) => ask('builtin/environment', `may set ${name}, which changes what programs run or write`))
}

/** Variables that a builtin sets (`export PATH=x`) or that precede a program (`env PATH=x ls`). */
export function variablesOf({ program, args }: Invocation): Call['assigned'] {
  if (!/^(export|declare|typeset|local|readonly|env|sudo|cross-env|cross-env-shell)$/.test(program.name)) return []
  return args.flatMap((arg) => {
    const name = /^([A-Za-z_]\w*)\+?=/.exec(arg.head)?.[1]
    if (name === undefined) return []
    return [{ name, value: arg.kind === 'static' ? known(arg.value.slice(arg.value.indexOf('=') + 1)) : null }]
  })
}
