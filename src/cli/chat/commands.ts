import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { BelayError, messageOf } from '../../core/errors.ts'
import { configHome } from '../../core/home.ts'
import { printable } from '../../core/text.ts'
import { tryGit } from '../../git/run.ts'
import { exportSession, importSession, sessionFolder, type StoredEntry } from '../../sessions/index.ts'
import { usageText } from '../exec/usage-text.ts'
import { columns, localTime, oneLine } from '../views/format.ts'
import { limitationsOf } from './limitations.ts'
import type { ChatContext } from './context.ts'

export interface ChatCommand {
  /** The first name is shown; the others work too. */
  readonly names: readonly string[]
  readonly argument: string
  readonly summary: string
  run(chat: ChatContext, argument: string): Promise<void>
}

export const COMMANDS: readonly ChatCommand[] = [
  { names: ['/help', '/h', '/?'], argument: '', summary: 'this list', run: help },
  { names: ['/status'], argument: '', summary: 'agent, session, what was used', run: status },
  { names: ['/history'], argument: '[N]', summary: 'the last N turns (10)', run: history },
  {
    names: ['/clear'],
    argument: '',
    summary: 'begin the conversation anew in this session; its lines are kept',
    run: clear,
  },
  { names: ['/skills'], argument: '', summary: 'skills that the agent is told of', run: skills },
  { names: ['/memory'], argument: '', summary: 'instructions that the agent is given (AGENTS.md)', run: memory },
  { names: ['/tools'], argument: '', summary: 'what the agent can do', run: tools },
  { names: ['/files'], argument: '', summary: 'files that were changed', run: files },
  { names: ['/reset'], argument: '', summary: 'a new session; this one stays', run: reset },
  { names: ['/save'], argument: 'FILE', summary: 'the session into a file', run: save },
  { names: ['/load'], argument: 'FILE', summary: 'go on with a saved session', run: load },
  {
    names: ['/exit', '/quit', '/q'],
    argument: '',
    summary: 'leave; go on later with: belay session resume ID',
    run: leave,
  },
]

/** Names for completion. */
export const COMMAND_NAMES: readonly string[] = COMMANDS.flatMap(({ names }) => names.slice(0, 1))

function help(chat: ChatContext): Promise<void> {
  const rows = COMMANDS.map(({ names, argument, summary }) => [`${names[0] ?? ''} ${argument}`.trim(), summary])
  for (const line of columns(rows)) chat.console.note(line)
  chat.console.note('')
  chat.console.note(
    'Anything else is a prompt. Alt-Enter, or a backslash at the end, goes on in the next line; Tab completes; Ctrl-C ends a turn.',
  )
  return Promise.resolve()
}

function status(chat: ChatContext): Promise<void> {
  const { session, setup, confinement } = chat.exec
  const { meta } = session
  const { spent } = chat
  const rows = [
    ['session', meta.id],
    ['agent', [setup.agent.provider, setup.model].filter((one) => one !== null).join(' ')],
    ['access', confinement.access],
    ...(confinement.sandbox === null ? [] : [['sandbox', confinement.sandbox]]),
    ...limitationsOf(setup.agent, confinement.access).map((limitation) => ['note', limitation]),
    ['folder', setup.cwd],
    ['turns', `${meta.turns} (${spent.turns} in this chat)`],
    ['used in this chat', spent.turns === 0 ? 'nothing' : usageText(spent.steps, spent.usage)],
    ['entries', String(session.entries.length)],
    ['created', localTime(meta.createdAt)],
    ['last used', localTime(meta.lastUsedAt)],
    ['kept in', sessionFolder(chat.store.home, meta.id)],
  ]
  for (const line of columns(rows.map(([name = '', value = '']) => [name, printable(value)]))) chat.console.note(line)
  return Promise.resolve()
}

const SHOWN_TURNS = 10

function history(chat: ChatContext, argument: string): Promise<void> {
  const count = argument === '' ? SHOWN_TURNS : Number(argument)
  if (!Number.isInteger(count) || count < 1)
    throw new BelayError('usage', '/history takes a number of turns', { received: argument })
  const { current } = chat.exec.session
  const ends = new Map(current.flatMap((entry) => (entry.type === 'turn_ended' ? [[entry.turn, entry] as const] : [])))
  const turns = current.filter((entry) => entry.type === 'turn')
  if (turns.length === 0) chat.console.note('nothing was said yet')
  for (const turn of turns.slice(-count)) {
    const end = ends.get(turn.turn)
    chat.console.note(
      `${turn.turn}  ${localTime(turn.time)}  ${turn.agent.provider}  ${end?.finishReason ?? 'cut off'}`,
    )
    chat.console.note(`   > ${oneLine(turn.prompt, 100)}`)
    if (end !== undefined && end.text !== '') chat.console.note(`   ${oneLine(end.text, 100)}`)
  }
  return Promise.resolve()
}

async function clear(chat: ChatContext): Promise<void> {
  await chat.exec.session.append({ type: 'cleared' }, true)
  chat.console.note('the conversation begins anew; what was said stays in the session')
}

async function skills(chat: ChatContext): Promise<void> {
  const { loadSkills, placesFor } = await import('../../engine/index.ts')
  if (!isEngine(chat)) return own(chat, 'skills')
  const found = await loadSkills(placesFor(chat.exec.setup.cwd, configHome(chat.options.env)))
  if (found.skills.length === 0) chat.console.note('there are no skills here')
  for (const { name, description, path } of found.skills)
    chat.console.note(printable(`${name}: ${description}\n  ${path}`))
  for (const problem of found.problems) chat.console.note(printable(`left out: ${problem}`))
}

async function memory(chat: ChatContext): Promise<void> {
  const { loadMemory, placesFor } = await import('../../engine/index.ts')
  if (!isEngine(chat)) return own(chat, 'instructions')
  const found = await loadMemory(placesFor(chat.exec.setup.cwd, configHome(chat.options.env)))
  if (found.files.length === 0) chat.console.note('there are no instructions here (AGENTS.md)')
  for (const { path, text } of found.files) chat.console.note(printable(`${path} (${text.length} characters)`))
  for (const problem of found.problems) chat.console.note(printable(`left out: ${problem}`))
}

async function tools(chat: ChatContext): Promise<void> {
  if (!isEngine(chat)) return own(chat, 'tools')
  const [{ loadAgentDefinition, loadSkills, placesFor }, { createTools, loadMcpServers }] = await Promise.all([
    import('../../engine/index.ts'),
    import('../../engine/tools/index.ts'),
  ])
  const { definition: name, env } = chat.options
  const places = placesFor(chat.exec.setup.cwd, configHome(env))
  const definition = name === null ? null : await loadAgentDefinition(name, places)
  const allow = definition?.settings.tools
  const found = createTools({ skills: (await loadSkills(places)).skills, ...(allow ? { allow } : {}) })
  const rows = found.map((tool) => [tool.name, tool.effect, oneLine(tool.description, 90)])
  for (const line of columns(rows)) chat.console.note(line)
  for (const server of await loadMcpServers(places, env))
    chat.console.note(
      printable(
        `mcp__${server.name}__*: what the MCP server ${server.name} has${allow ? ', as far as the definition names it' : ''}`,
      ),
    )
}

function isEngine(chat: ChatContext): boolean {
  return chat.exec.setup.ownsHistory
}

function own(chat: ChatContext, what: string): void {
  chat.console.note(`${chat.exec.setup.agent.provider} brings its own ${what}, which only it knows`)
}

async function files(chat: ChatContext): Promise<void> {
  const { session, setup } = chat.exec
  const changed = changedFiles(session.entries)
  for (const file of changed) chat.console.note(printable(file))
  // Not in submodules: git would run there what their configuration names, which an agent may have written.
  const args = ['status', '--short', '--untracked-files=normal', '--ignore-submodules=dirty']
  const found = await tryGit(args, { cwd: setup.cwd }).catch(() => null)
  const text = found?.code === 0 ? found.stdout.toString('utf8').trimEnd() : ''
  if (text !== '') chat.console.note(printable(`in git's words:\n${text}`))
  if (changed.length === 0 && text === '') chat.console.note('no file was changed')
}

/** The files that agents reported as changed. */
function changedFiles(entries: readonly StoredEntry[]): string[] {
  const found = new Set<string>()
  for (const entry of entries) {
    if (entry.type !== 'item') continue
    const { kind, text } = entry.item as { readonly kind?: unknown; readonly text?: unknown }
    if (kind === 'file_change' && typeof text === 'string') for (const line of text.split('\n')) found.add(line)
  }
  return [...found].toSorted()
}

async function reset(chat: ChatContext): Promise<void> {
  const before = chat.exec.session.id
  await chat.switchTo(null)
  chat.console.note(`session ${chat.exec.session.id}; the one before is ${before}`)
}

async function save(chat: ChatContext, argument: string): Promise<void> {
  const file = fileOf(chat, argument, '/save')
  const text = await exportSession(chat.store, chat.exec.session.id)
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw new BelayError('file_not_written', `${file} could not be written: ${messageOf(error)}`, {
      next: 'name a file that is not there yet',
    })
  }
  chat.console.note(`saved ${chat.exec.session.id} as ${file}`)
}

async function load(chat: ChatContext, argument: string): Promise<void> {
  const file = fileOf(chat, argument, '/load')
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new BelayError('file_unreadable', `${file} could not be read: ${messageOf(error)}`)
  })
  const made = await importNew(chat, text)
  await chat.switchTo(made)
  chat.console.note(`session ${made}, ${chat.exec.session.meta.turns} turns`)
}

/** Imports a session under its old id if that is free, else under a new one. */
async function importNew(chat: ChatContext, text: string): Promise<string> {
  const told = (remark: string): void => chat.console.note(`warning: ${remark}`)
  try {
    return (await importSession(chat.store, text, null, told)).id
  } catch (error) {
    if (!(error instanceof BelayError && error.code === 'session_exists')) throw error
    const { newSessionId } = await import('../../sessions/index.ts')
    return (await importSession(chat.store, text, newSessionId(Date.now()), told)).id
  }
}

/** The file that a chat line names. No shell has read the line, so quotes and `~` are interpreted here. */
function fileOf(chat: ChatContext, argument: string, command: string): string {
  const name = /^(["'])(.+)\1$/.exec(argument)?.[2] ?? argument
  if (name === '') throw new BelayError('usage', `${command} needs the name of a file`)
  const home = chat.options.env['HOME']
  return /^~(\/|$)/.test(name) && home ? join(home, name.slice(1)) : resolve(chat.options.cwd, name)
}

function leave(chat: ChatContext): Promise<void> {
  chat.leave()
  return Promise.resolve()
}
