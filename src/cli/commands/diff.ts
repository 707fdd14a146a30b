import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { printable } from '../../core/text.ts'
import { gitFailed, tryGit } from '../../git/run.ts'
import { changedPaths } from '../../git/trees.ts'
import { stateOf } from '../../programs/direct/state.ts'
import type { RunRow, TaskRow } from '../../record/index.ts'
import type { Io } from '../io.ts'
import { here, selectTask, withRecord } from '../session.ts'

interface Flags {
  stat?: true
  json?: true
}

const EXAMPLES = `
Examples:
  belay diff T003            what the task changed: its commit, or its latest attempt
  belay diff T003 --stat     which files, and how much
  belay diff T003 | git apply --check
`

/** `belay diff TASK`. */
export function diffCommand(io: Io): Command {
  return new Command('diff')
    .description("A task's change: its commit once it has landed, before that what its latest attempt left.")
    .argument('<task>', 'handle in the newest run of this repository, or RUN/HANDLE')
    .option('--stat', 'the changed files and how much changed in each')
    .option('--json', 'as one JSON object with the files and the patch')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: Flags) => diff(io, name, flags))
}

/** A task's change, as two commits. */
interface Change {
  readonly from: string
  readonly to: string
  readonly landed: boolean
}

async function diff(io: Io, name: string, flags: Flags): Promise<void> {
  const { root, id } = await here(io)
  await withRecord(io, async (record) => {
    const { run, task, ref } = await selectTask(record, id, name)
    const change = await changeOf(root, run, task)
    if (change === null) {
      if (flags.json)
        io.out(
          JSON.stringify({ task: task.handle, run: run.id, from: null, to: null, landed: false, files: [], patch: '' }),
        )
      else io.note(`${task.handle} has changed nothing yet; see: belay show ${ref}`)
      return
    }
    await checkThere(root, task, change)
    if (flags.json)
      io.out(JSON.stringify({ task: task.handle, run: run.id, ...change, ...(await asJson(root, change)) }))
    else await show(io, root, change, flags.stat ? ['--stat=120'] : WHOLE)
    if (!change.landed && !flags.json)
      io.note(`not landed: this is what attempt ${task.attempt} left; see: belay show ${ref}`)
  })
}

async function changeOf(root: string, run: RunRow, task: TaskRow): Promise<Change | null> {
  const { snapshot } = stateOf(task)
  // A step's commit is on a branch of its run: a workflow's work never lands by itself.
  const landed = run.program !== 'workflow'
  if (task.commit !== null) return { from: await parentOf(root, task.commit), to: task.commit, landed }
  return snapshot === null ? null : { from: snapshot.base, to: snapshot.commit, landed: false }
}

async function parentOf(root: string, commit: string): Promise<string> {
  const found = await tryGit(['rev-parse', '--verify', '--quiet', '--end-of-options', `${commit}^`], { cwd: root })
  return found.code === 0 ? found.stdout.toString('utf8').trim() : commit
}

async function checkThere(root: string, task: TaskRow, { to }: Change): Promise<void> {
  const found = await tryGit(['cat-file', '-e', `${to}^{commit}`], { cwd: root })
  if (found.code === 0) return
  throw new BelayError('change_gone', `the change of ${task.handle} is no longer in this repository`, {
    expected: `commit ${to}`,
    received: 'it was cleaned up, or this is another clone',
    next: 'git fetch where it was landed, or: belay retry TASK',
  })
}

const WHOLE = ['-p', '--binary', '--full-index']

async function patch(
  root: string,
  { from, to }: Change,
  options: readonly string[],
  onStdout: (chunk: Buffer) => void,
): Promise<void> {
  const args = [
    'diff-tree',
    '-r',
    '--no-color',
    '--no-ext-diff',
    '--no-textconv',
    '--find-renames',
    ...options,
    '--end-of-options',
    from,
    to,
  ]
  const result = await tryGit(args, { cwd: root, onStdout })
  if (result.code !== 0) throw gitFailed(args, result)
}

/** Largest patch in JSON, in bytes: the text must fit into memory several times. */
const MAX_JSON_PATCH = 64 << 20

async function asJson(root: string, change: Change): Promise<object> {
  const files = await changedPaths(root, change.from, change.to)
  const chunks: Buffer[] = []
  let size = 0
  await patch(root, change, WHOLE, (chunk) => {
    size += chunk.length
    if (size <= MAX_JSON_PATCH) chunks.push(chunk)
  })
  if (size > MAX_JSON_PATCH) {
    throw new BelayError('patch_too_large', 'the patch is too large for JSON', {
      expected: `at most ${MAX_JSON_PATCH} bytes`,
      received: `${size} bytes`,
      next: 'belay diff TASK > FILE, or belay diff TASK --stat',
    })
  }
  const text = Buffer.concat(chunks).toString('utf8')
  return { files: files.map(({ path, status }) => ({ path, status })), patch: text }
}

/** A file or pipe gets git's bytes; a terminal gets text without control characters, coloured by line. */
async function show(io: Io, root: string, change: Change, options: readonly string[]): Promise<void> {
  if (!io.stdoutIsTerminal) {
    await patch(root, change, options, (chunk) => io.outBytes(chunk))
    return
  }
  const color = !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb'
  const decoder = new TextDecoder()
  let open = ''
  const print = (text: string): void => {
    const lines = `${open}${text}`.split('\n')
    open = lines.pop() ?? ''
    for (const line of lines) io.out(color ? painted(printable(line)) : printable(line))
  }
  await patch(root, change, options, (chunk) => print(decoder.decode(chunk, { stream: true })))
  if (open !== '') print('\n')
}

const PAINT: readonly (readonly [RegExp, number])[] = [
  [/^(diff --git|index |--- |\+\+\+ |new file|deleted file|old mode|new mode|similarity|rename )/, 1],
  [/^@@/, 36],
  [/^\+/, 32],
  [/^-/, 31],
]

function painted(line: string): string {
  const code = PAINT.find(([shape]) => shape.test(line))?.[1]
  return code === undefined ? line : `\u001b[${code}m${line}\u001b[0m`
}
