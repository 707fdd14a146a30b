import { lstat, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { formatDuration } from '../core/duration.ts'
import { BelayError } from '../core/errors.ts'
import type { Reason } from '../core/words.ts'
import { endMarked, resolveProgram, type KeptProcess, type ProcessSpec } from '../process/index.ts'
import { runCommand, shellArgv, type CommandOutcome } from './command.ts'
import { expandGate, type Expansion } from './commands/expand.ts'
import { folderFiles } from './files.ts'
import { observe, type Observed } from './observe.ts'
import type { Evidence, GateResult, GateSpec } from './port.ts'
import { readFound, stampReports } from './reports/found.ts'
import { keepPytestReports, readInjected, type Injected } from './reports/injected.ts'
import { pathsOf } from './reports/paths.ts'
import { injectReporters } from './reporters/inject.ts'
import { textScanners } from './text/index.ts'

export interface RunGateOptions {
  /** Absolute path of the proof folder, which contains exactly `tree`. */
  readonly root: string
  /** Git object id of the tree. */
  readonly tree: string
  /** The gate's complete environment. */
  readonly env: Readonly<Record<string, string>>
  /** Mark of the gate's processes. Every process with it is killed after the gate has ended. */
  readonly mark: string
  readonly signal: AbortSignal
  /** Absolute path of an empty folder outside `root` for report files; created if missing. */
  readonly reportDir: string
  /** Starts the gate, for instance inside a sandbox; absent: it runs as the user does. */
  readonly spawn?: ((spec: ProcessSpec) => Promise<KeptProcess>) | undefined
  /** Bytes of output after which the gate is ended (default: OUTPUT_LIMIT_BYTES). */
  readonly outputLimit?: number
}

/** Node refuses two reporters, the command's and ours, if only one of them has a destination. */
const REPORTERS_CLASH =
  /must match the number of specified '--test-reporter-destination'|--test-reporter(?:-destination)?=? is not allowed in NODE_OPTIONS/

/**
 * Runs one gate to its end and returns the evidence. `result` and `reason` judge the run by itself, without a baseline; `judge`
 * compares. Every way in which a gate can fail, be killed or be missing is evidence. Rejects only if the machine fails, or with
 * `gate_cwd_outside` if the working directory is outside the root. May be repeated with another `reportDir`.
 */
export async function runGate(gate: GateSpec, options: RunGateOptions): Promise<Evidence> {
  const expansion = await expandGate(gate, folderFiles(options.root))
  const ownReporter = expansion.commands.some(({ words }) => words.some((word) => word.startsWith('--test-reporter')))
  const first = await attempt(gate, expansion, options, { reportDir: options.reportDir, nodeTest: !ownReporter })
  if (ownReporter || !REPORTERS_CLASH.test(`${first.outputHead}\n${first.outputTail}`)) return first
  return attempt(gate, expansion, options, { reportDir: join(options.reportDir, 'again'), nodeTest: false })
}

async function attempt(
  gate: GateSpec,
  expansion: Expansion,
  options: RunGateOptions,
  how: { readonly reportDir: string; readonly nodeTest: boolean },
): Promise<Evidence> {
  const { root, mark, signal } = options
  const argv = shellArgv(gate.run)
  const cwd = await folderOf(root, gate)
  const env = await injectReporters({ reportDir: how.reportDir, env: options.env, nodeTest: how.nodeTest })
  const before = await stampReports(root)
  const text = textScanners(expansion.runners.keys())
  const pytest = keepPytestReports(how.reportDir)
  let outcome: CommandOutcome
  try {
    outcome = await runCommand({
      argv,
      cwd,
      env,
      timeoutMs: gate.timeoutMs,
      mark,
      signal,
      spawn: options.spawn,
      onLine: (line) => text.line(line),
      ...(options.outputLimit === undefined ? {} : { outputLimit: options.outputLimit }),
    })
    await endMarked(mark)
  } finally {
    await pytest.stop()
  }
  const paths = await pathsOf(root, folderFiles(root))
  const injected = await readInjected(how.reportDir, paths)
  const found = await readFound(root, before, paths)
  const observed = observe({ expansion, injected, found, text: text.end() })
  const seen: Seen = { gate, outcome, observed, expansion, injected, programMissing: firstMissing(expansion, options) }
  const { result, reason } = byItself(seen)
  return {
    gate: gate.name,
    argv,
    exitCode: outcome.exit.code,
    signal: outcome.exit.signal,
    timedOut: outcome.timedOut,
    durationMs: outcome.durationMs,
    tree: options.tree,
    result,
    reason,
    report: observed.report,
    notes: [],
    outputHead: outcome.head,
    outputTail: outcome.tail,
    outputBytes: outcome.bytes,
  }
}

/** The working directory of a gate. Must not be outside the proof folder, not even through a link. */
async function folderOf(root: string, gate: GateSpec): Promise<string> {
  const cwd = gate.cwd === null ? root : join(root, gate.cwd)
  const there = await lstat(cwd).catch(() => null) // missing: runCommand reports it
  const [from, to] = there === null ? [root, cwd] : [await realpath(root), await realpath(cwd)]
  const path = relative(from, to)
  if (path === '..' || path.startsWith(`..${sep}`)) {
    throw new BelayError('gate_cwd_outside', `the folder of gate ${gate.name} leads out of the repository`, {
      expected: 'a folder inside the repository',
      received: gate.cwd ?? '',
      next: 'fix `cwd` of this gate in verify.commands',
    })
  }
  return cwd
}

interface Seen {
  readonly gate: GateSpec
  readonly outcome: CommandOutcome
  readonly observed: Observed
  readonly expansion: Expansion
  readonly injected: Injected
  /** The first program that the command needs, if it cannot be found; else null. */
  readonly programMissing: string | null
}

interface Verdict {
  readonly result: GateResult
  readonly reason: Reason | null
}

function byItself(seen: Seen): Verdict {
  const { outcome, observed, expansion, gate } = seen
  const { exit, cut } = outcome
  const counts = observed.report?.counts
  if (cut === 'timeout') return killed('gate_timed_out', `it ran longer than ${formatDuration(gate.timeoutMs)}`)
  if (cut === 'output') return killed('gate_output_limit', `it wrote ${outcome.bytes} bytes of output`)
  if (cut === 'abort') return killed('gate_aborted', 'it was ended because the run was')
  if (outcome.missing === 'folder') return absent('gate_folder_missing', `there is no folder ${gate.cwd ?? '.'}`)
  if (outcome.missing === 'program')
    return absent('gate_program_missing', `${shellArgv(gate.run)[0] ?? ''} is not installed`)
  if (exit.signal !== null || exit.code === null)
    return killed('gate_killed', `it was ended by ${exit.signal ?? 'someone'}`)
  if (exit.code !== 0 && (counts?.total ?? 0) === 0) {
    const { missing } = expansion
    if (missing !== null) return absent('project_file_missing', `the tree has no ${missing}`)
    if (exit.code === 127 || exit.code === 126) {
      if (seen.programMissing !== null) return absent('gate_program_missing', `${seen.programMissing} is not installed`)
      return fail('gate_program_missing', `a program that it starts was not found (exit status ${exit.code})`)
    }
  }
  if (observed.problem !== null) return fail(observed.problem.code, observed.problem.message)
  if (counts && counts.failed > 0) return fail('tests_failed', `${counts.failed} of ${counts.total} tests failed`)
  if (exit.code !== 0 && !(observed.none && counts?.total === 0)) {
    return fail('exit_status', `it ended with exit status ${exit.code}`)
  }
  if (counts && counts.passed === 0) {
    return absent('no_tests', counts.total === 0 ? 'it ran no tests' : `all ${counts.total} tests were skipped`)
  }
  return tooFew(gate, counts?.passed ?? null) ?? { result: 'pass', reason: null }
}

/** Applies `min_tests`. Only tests that really ran count. */
export function tooFew(gate: Pick<GateSpec, 'minTests'>, ran: number | null): Verdict | null {
  if (gate.minTests === null) return null
  if (ran === null)
    return fail('tests_not_counted', `at least ${gate.minTests} tests are wanted and none could be counted`)
  return ran < gate.minTests ? fail('too_few_tests', `${ran} tests ran, at least ${gate.minTests} are wanted`) : null
}

function firstMissing(expansion: Expansion, options: RunGateOptions): string | null {
  // Commands that only lead to another one (npm test -> vitest) are skipped; the first other one is the program that is needed.
  const leaf = expansion.commands.find(({ words }) => !LEADS_ON.test(words[0] ?? '')) ?? expansion.commands[0]
  const program = leaf?.words[0]
  if (leaf === undefined || program === undefined || /[$`]/.test(program) || BUILTINS.has(program)) return null
  const cwd = join(options.root, leaf.cwd)
  const bins = join(cwd, 'node_modules', '.bin')
  const path = [bins, join(options.root, 'node_modules', '.bin'), options.env['PATH'] ?? ''].join(':')
  return resolveProgram(program, cwd, path) === null ? program : null
}

const LEADS_ON = /^((ba|da|z)?sh|npm|pnpm|yarn|bun|make|set|export|cd|\.|source)$/
const BUILTINS = new Set([
  'test',
  '[',
  'echo',
  'exit',
  'true',
  'false',
  ':',
  'eval',
  'export',
  'set',
  'trap',
  'printf',
  'read',
  'return',
  'umask',
  'unset',
  'wait',
  'shift',
  'kill',
  'type',
  'ulimit',
])

function killed(code: string, message: string): Verdict {
  return { result: 'killed', reason: { code, message } }
}

function absent(code: string, message: string): Verdict {
  return { result: 'absent', reason: { code, message } }
}

function fail(code: string, message: string): Verdict {
  return { result: 'fail', reason: { code, message } }
}
