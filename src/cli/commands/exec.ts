import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { cap, fence, printable } from '../../core/text.ts'
import type { Approver, TurnEvent } from '../../agents/port.ts'
import { askDurably, execTurn, exitOf, openExec, type Exec, type TurnResult } from '../../exec/index.ts'
import type { Session } from '../../sessions/index.ts'
import { askInline } from '../chat/approve.ts'
import { deniedLines } from '../exec/activity.ts'
import { terminalAsker } from '../exec/asker.ts'
import { durationFlag } from '../exec/flags.ts'
import { EventLines } from '../exec/lines.ts'
import { addExecFlags, execOptions, type ExecFlags } from '../exec/options.ts'
import { Progress } from '../exec/progress.ts'
import { usageText } from '../exec/usage-text.ts'
import { readSchema, type Schema } from '../exec/schema.ts'
import { listenForStop } from '../interrupt.ts'
import type { Io } from '../io.ts'

interface Flags extends ExecFlags {
  outputSchema?: string
  ask?: true
  askTimeout?: string
  stdin?: true
  quiet?: true
  json?: true
}

const ASK_TIMEOUT = '30m'
/** Most characters shown of the last message of a turn that is not done. */
const LAST_MESSAGE = 2000
/** More than any model can take, in bytes. */
const STDIN_MAX = 8 << 20

const EXAMPLES = `
Examples:
  belay exec "why does the build fail?" --access read-only
  git diff | belay exec "review this change" --stdin
  belay exec - --agent claude < task.md
  belay exec "add tests for the parser" --session parser
  belay exec "now the edge cases" --session parser        goes on with the conversation
  belay exec "list the endpoints" --output-schema endpoints.json | jq .

The agent works in the current directory, also outside of git; nothing is committed. stdout is only its last answer (or the JSON
that fits the schema); with --json event lines, the last is exec.finished.

Exit status: 0 done, 1 the agent or its model failed, 2 usage or set-up, 3 stopped by a limit (steps, time, repetition), 5 out of
budget or quota, 130 interrupted.
`

/** `belay exec PROMPT`. */
export function execCommand(io: Io): Command {
  const command = new Command('exec')
    .description('One turn of an agent in the current directory: no run, no commit.')
    .argument('<prompt>', 'what to do, or - to read it from stdin')
  return addExecFlags(command)
    .option('--output-schema <file>', 'JSON Schema that the answer must fit')
    .option(
      '--ask',
      'what needs approval waits for: belay answer (from any terminal); without it you are asked here, or in a script it is denied',
    )
    .option(
      '--ask-timeout <duration>',
      `with --ask: deny what nobody answered for this long (default: "${ASK_TIMEOUT}")`,
    )
    .option('--stdin', 'append what is piped in on stdin to the prompt, as material')
    .option('--quiet', 'no progress on stderr, only denials and errors')
    .option('--json', 'event lines as NDJSON; the last is exec.finished')
    .addHelpText('after', EXAMPLES)
    .action((prompt: string, flags: Flags) => exec(io, prompt, flags))
}

async function exec(io: Io, given: string, flags: Flags): Promise<void> {
  const options = execOptions(io, flags)
  const askMs = durationFlag('--ask-timeout', flags.askTimeout ?? ASK_TIMEOUT)
  if (flags.askTimeout !== undefined && flags.ask !== true)
    throw new BelayError('usage', '--ask-timeout goes with --ask', { expected: '--ask --ask-timeout DURATION' })
  const schema = flags.outputSchema === undefined ? null : await readSchema(io.cwd, flags.outputSchema)
  const prompt = await promptOf(io, given, flags)
  const stop = listenForStop(io, 'Stopping: the turn is ended (again to stop at once).')
  try {
    const opened = await openExec({
      ...options,
      purpose: 'exec',
      approver: (session) => approverOf(io, session, { given, flags, askMs }),
      signal: stop.signal,
    })
    try {
      await work(io, opened, { prompt, schema, flags, signal: stop.signal })
    } finally {
      for (const remark of await opened.close()) io.note(`warning: ${printable(remark)}`)
    }
  } finally {
    stop.dispose()
  }
}

interface Work {
  readonly prompt: string
  readonly schema: Schema | null
  readonly flags: Flags
  readonly signal: AbortSignal
}

async function work(
  io: Io,
  { session, setup, confinement, warnings }: Exec,
  { prompt, schema, flags, signal }: Work,
): Promise<void> {
  const json = flags.json === true
  const lines = new EventLines(io, { session: session.id, agent: setup.agent.provider })
  const progress = new Progress(io)
  const observe = (event: TurnEvent): void => {
    if (json) lines.turn(event)
    else if (flags.quiet !== true) progress.turn(event)
  }
  if (json) {
    const { agent, model, cwd } = setup
    lines.event('exec.started', { agent: agent.provider, model, access: confinement.access, cwd, prompt }, 'user')
  }
  for (const warning of warnings) {
    if (json) lines.event('exec.warning', { message: warning }, null)
    else io.note(`warning: ${printable(warning)}`)
  }
  const result = await execTurn(session, setup, {
    prompt,
    outputSchema: schema?.schema ?? null,
    check: schema?.check ?? null,
    signal,
    observe,
  })
  if (json) lines.finished(result)
  else tell(io, result, session, flags)
  io.exitCode = exitOf(result.status)
}

function tell(io: Io, result: TurnResult, session: Session, flags: Flags): void {
  const { status, error, text, output, steps, usage } = result
  if (flags.quiet === true) for (const line of deniedLines(result.denied)) io.note(line)
  if (status === 'done') io.out(flags.outputSchema === undefined ? shown(io, text) : JSON.stringify(output))
  else if (text !== '') io.note(lastMessage(result, session))
  if (error !== null) {
    const again = error.retryAt === null ? '' : `; it can go on at ${error.retryAt}`
    io.note(`belay: ${printable(error.message)} [${error.code}]${again}`)
  }
  if (flags.quiet === true && error === null) return
  io.note(`${status}: ${usageText(steps, usage)}; go on with: --session ${session.id}`)
}

/** The last message of a turn that is not done. It is not an answer, so it goes to stderr, and is shortened. */
function lastMessage({ text, isCutOff }: TurnResult, { id }: Session): string {
  const isLong = text.length > LAST_MESSAGE
  const whole = isLong ? `; full text: belay session show ${id}` : ''
  const what = isCutOff ? `the answer broke off${whole}` : `the agent's last message, shortened${whole}`
  return isCutOff || isLong ? `${what}\n${printable(cap(text, LAST_MESSAGE))}` : printable(text)
}

/** An agent's text: unchanged for a pipe, without control sequences for a terminal. */
function shown(io: Io, text: string): string {
  return io.stdoutIsTerminal ? printable(text) : text
}

/**
 * Decides what the policy leaves to a person. With --ask: somebody at any terminal. Otherwise: the user of this terminal. null:
 * nobody. If the prompt was read from the terminal up to its end, the terminal cannot be read again.
 */
function approverOf(
  io: Io,
  session: Session,
  { given, flags, askMs }: { readonly given: string; readonly flags: Flags; readonly askMs: number },
): Approver | null {
  if (flags.ask === true) {
    return askDurably(session, askMs, (ask) => {
      io.note(`${printable(ask.question)}\n  belay answer ${ask.id} allow|always|deny`)
    })
  }
  const somebody = io.interactive && io.stdoutIsTerminal && flags.json !== true && given !== '-' && flags.stdin !== true
  return somebody ? askInline(terminalAsker(io)) : null
}

async function promptOf(io: Io, given: string, { stdin }: Flags): Promise<string> {
  if (given === '-' && stdin === true)
    throw new BelayError('usage', '--stdin adds stdin to a prompt, and - is stdin itself', { expected: 'one of them' })
  const prompt = given === '-' ? await readStdin(io) : given
  if (prompt.trim() !== '') return stdin === true ? withMaterial(prompt, await readStdin(io)) : prompt
  throw new BelayError('usage', given === '-' ? 'the prompt on stdin is empty' : 'the prompt is empty', {
    expected: 'what the agent is to do',
    next: 'belay exec --help',
  })
}

/** Adds piped text to the prompt. It is not from the user, so it is fenced, and cannot pretend to end earlier. */
function withMaterial(prompt: string, material: string): string {
  if (material.trim() !== '') return `${prompt}\n\nFrom stdin:\n${fence(material)}`
  throw new BelayError('usage', 'there is nothing on stdin', { expected: 'text, because of --stdin' })
}

async function readStdin(io: Io): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk as Buffer | string)
    size += bytes.length
    if (size > STDIN_MAX)
      throw new BelayError('usage', `stdin has more than ${STDIN_MAX} bytes`, {
        next: 'put it into a file, and name that',
      })
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}
