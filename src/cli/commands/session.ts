import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { Command } from 'commander'
import { BelayError, messageOf } from '../../core/errors.ts'
import { stateHome } from '../../core/home.ts'
import {
  SessionStore,
  describeHolder,
  exportSession,
  importSession,
  sessionFolder,
  sizeOf,
  type SessionMeta,
  type SessionState,
} from '../../sessions/index.ts'
import { mergeParts, removeSession } from '../../exec/index.ts'
import type { Io } from '../io.ts'
import { bytesText, conversationText, sessionInfo, sessionTable, sessionView } from '../views/session.ts'

const EXAMPLES = `
Examples:
  belay session list
  belay session show parser --items                   what was said and done
  belay session resume parser                         continue in a chat; with a prompt: one more turn
  belay session export parser > parser.jsonl          and: belay session import parser.jsonl --id copy
  belay session cleanup --older-than 7d --dry-run

These are the conversations of belay exec and belay chat, and those of Belay's own engine in runs. What other agents said in a
run is shown by: belay show TASK, belay logs TASK.
`

interface Json {
  json?: true
}

/** `belay session`. */
export function sessionCommand(io: Io): Command {
  const command = new Command('session')
    .description('Conversations with agents: they stay until you delete them.')
    .addHelpText('after', EXAMPLES)
  const sub = (name: string, description: string): Command => {
    const made = new Command(name).description(description).option('--json', 'as one JSON object')
    command.addCommand(made)
    return made
  }
  sub('list', 'Sessions, most recently used first.').action((flags: Json) => list(io, flags))
  sub('info', 'Details of a session, and who holds it.')
    .argument('<session>', 'id of the session')
    .action((id: string, flags: Json) => info(io, id, flags))
  sub('show', 'The conversation of a session.')
    .argument('<session>', 'id of the session')
    .option('--items', 'also what the agents did')
    .action((id: string, flags: Json & { items?: true }) => show(io, id, flags))
  sub('resume', 'Continue a session: in a chat or, with a prompt, for one turn.')
    .argument('<session>', 'id of the session')
    .argument('[prompt]', 'what to do, or - to read it from stdin')
    .action((id: string, prompt: string | undefined, flags: Json) => resume(io, id, prompt, flags))
  sub('delete', 'Remove a session with its workspace.')
    .argument('<session>', 'id of the session')
    .option('--force', 'even if it is in use, or its work is nowhere else')
    .action((id: string, flags: Json & { force?: true }) => remove(io, id, flags))
  sub(
    'cleanup',
    'Remove sessions that were not used for a long time. Those in use, or with work that is nowhere else, are kept.',
  )
    .option('--older-than <age>', 'not used for this long: 36h, 7d, 8w', '7d')
    .option('--dry-run', 'say what would be removed, remove nothing')
    .action((flags: Json & { olderThan: string; dryRun?: true }) => cleanup(io, flags))
  sub('unlock', 'Take a session away from whoever holds it; whatever they write afterwards is refused.')
    .argument('<session>', 'id of the session')
    .action((id: string, flags: Json) => unlock(io, id, flags))
  sub('merge', 'Merge the parallel parts of a session. Parts with conflicts are reported and left as they are.')
    .argument('<session>', 'id of the session')
    .action((id: string, flags: Json) => merge(io, id, flags))
  sub('export', 'A session as JSON lines, lossless.')
    .argument('<session>', 'id of the session')
    .option('--output <file>', 'write to this file, which must not exist yet; without it, or with -, to stdout')
    .action((id: string, flags: Json & { output?: string }) => exportIt(io, id, flags))
  sub('import', 'Make a session from an exported one.')
    .argument('<file>', 'an exported session, or - for stdin')
    .option('--id <new>', 'under this id instead of its old one')
    .action((file: string, flags: Json & { id?: string }) => importIt(io, file, flags))
  return command
}

function storeOf(io: Io): SessionStore {
  return new SessionStore(stateHome(io.env))
}

async function measured(store: SessionStore, state: SessionState): Promise<{ state: SessionState; size: number }> {
  const { id, workspace } = state.meta
  const own = await sizeOf(sessionFolder(store.home, id))
  return { state, size: own + (workspace === null ? 0 : await sizeOf(workspace)) }
}

async function list(io: Io, flags: Json): Promise<void> {
  const store = storeOf(io)
  const rows = await Promise.all((await store.list()).map((state) => measured(store, state)))
  for (const id of await store.damaged()) io.note(`note: session ${id} is damaged: belay session info ${id}`)
  if (flags.json) {
    const views = rows.map(({ state, size }) => sessionView(state, size, sessionFolder(store.home, state.meta.id)))
    io.out(JSON.stringify({ sessions: views }))
  } else if (rows.length === 0) io.out('No sessions found.')
  else for (const line of sessionTable(rows)) io.out(line)
}

async function info(io: Io, id: string, flags: Json): Promise<void> {
  const store = storeOf(io)
  const { state, size } = await measured(store, await store.get(id))
  const path = sessionFolder(store.home, id)
  if (flags.json) io.out(JSON.stringify({ session: sessionView(state, size, path) }))
  else for (const line of sessionInfo(state, size, path)) io.out(line)
}

async function show(io: Io, id: string, flags: Json & { items?: true }): Promise<void> {
  const store = storeOf(io)
  const [state, { entries, torn }] = [await store.get(id), await store.read(id)]
  if (torn > 0 && state.holder === null) io.note(`note: the last entry was cut off by a crash (${torn} bytes)`)
  if (flags.json) {
    const shown = flags.items ? entries : entries.filter(({ type }) => type !== 'item' && type !== 'history')
    const { size } = await measured(store, state)
    const view = sessionView(state, size, sessionFolder(store.home, id))
    io.out(JSON.stringify({ session: view, entries: shown }))
    return
  }
  const lines = conversationText(entries, flags.items === true, state.holder !== null)
  if (lines[0] === '') lines.shift()
  if (lines.length === 0) io.note(`session ${id} has no turns yet`)
  for (const line of lines) io.out(line)
}

async function resume(io: Io, id: string, prompt: string | undefined, flags: Json): Promise<void> {
  const { meta } = await storeOf(io).get(id)
  const agent = meta.provider === null ? [] : ['--agent', meta.provider]
  const model = meta.model === null ? [] : ['--model', meta.model]
  // A workspace of the session's own is found without it, and what an agent wrote there is not the user's configuration.
  const there: Io = meta.cwd === null || meta.workspace !== null ? io : { ...io, cwd: meta.cwd }
  const work = ['--session', id, ...agent, ...model, ...(flags.json ? ['--json'] : [])]
  if (prompt === undefined) {
    if (flags.json)
      throw new BelayError('usage', 'a chat has no --json', { next: `belay session resume ${id} PROMPT --json` })
    const { chatCommand } = await import('./chat.ts')
    await chatCommand(there).parseAsync(work, { from: 'user' })
  } else {
    const { execCommand } = await import('./exec.ts')
    await execCommand(there).parseAsync([...work, '--', prompt], { from: 'user' })
  }
  io.exitCode = there.exitCode
}

async function remove(io: Io, id: string, flags: Json & { force?: true }): Promise<void> {
  await removeSession(storeOf(io), id, { force: flags.force === true })
  if (flags.json) io.out(JSON.stringify({ deleted: [id] }))
  else io.out(`deleted ${id}`)
}

async function cleanup(io: Io, flags: Json & { olderThan: string; dryRun?: true }): Promise<void> {
  const before = Date.now() - ageOf(flags.olderThan)
  const store = storeOf(io)
  const deleted: string[] = []
  const kept: { id: string; reason: string }[] = []
  let freed = 0
  const all = await store.list()
  const gone = new Set<string>()
  // Parts first, because a session with parts cannot be removed.
  const inOrder = [...all.filter(isPart), ...all.filter((state) => !isPart(state))]
  for (const state of inOrder) {
    const { id, lastUsedAt } = state.meta
    if (Date.parse(lastUsedAt) > before) continue
    if (state.holder !== null) {
      kept.push({ id, reason: `in use: ${describeHolder(state.holder)}` })
      continue
    }
    const { size } = await measured(store, state)
    try {
      await removeSession(store, id, { dryRun: flags.dryRun === true, unusedSince: before, gone })
    } catch (error) {
      if (!(error instanceof BelayError)) throw error
      if (error.code === 'session_unknown') continue // another process removed it meanwhile
      kept.push({ id, reason: error.message })
      continue
    }
    deleted.push(id)
    gone.add(id)
    freed += size
  }
  if (!flags.dryRun) await store.sweep()
  if (flags.json) {
    io.out(JSON.stringify({ deleted, kept, freed_bytes: freed, dry_run: flags.dryRun === true }))
    return
  }
  const verb = flags.dryRun ? 'would delete' : 'deleted'
  for (const id of deleted) io.out(`${verb} ${id}`)
  for (const { id, reason } of kept) io.out(`kept ${id}: ${reason}`)
  io.note(`${verb} ${deleted.length} ${deleted.length === 1 ? 'session' : 'sessions'}, ${bytesText(freed)}`)
}

function isPart({ meta }: SessionState): boolean {
  return meta.parent !== null
}

async function unlock(io: Io, id: string, flags: Json): Promise<void> {
  const from = await storeOf(io).unlock(id)
  if (flags.json) io.out(JSON.stringify({ session: id, unlocked: from !== null, holder: from }))
  else if (from === null) io.out(`session ${id} is not locked`)
  else io.out(`unlocked ${id}; it was held by ${describeHolder(from)}`)
}

async function merge(io: Io, id: string, flags: Json): Promise<void> {
  const { into, merged, conflicts, skipped } = await mergeParts(storeOf(io), id)
  if (conflicts.length > 0 || skipped.length > 0) io.exitCode = 3
  if (flags.json) {
    io.out(JSON.stringify({ session: id, into, merged, conflicts, skipped }))
    return
  }
  for (const { part, commit } of merged) io.out(`merged ${part} into ${into} (${commit.slice(0, 12)})`)
  for (const { part, branch, files } of conflicts) {
    io.out(`conflict in ${part} (branch ${branch}): ${files.map((file) => JSON.stringify(file)).join(', ')}`)
    io.note(`  let an agent do it: belay exec "merge branch ${branch} and resolve its conflicts" --session ${id}`)
  }
  for (const { part, reason, held } of skipped) {
    io.out(`left out ${part}: ${reason}`)
    if (!held) io.note(`  let an agent bring it to its end: belay exec "finish it, or undo it" --session ${id}.${part}`)
  }
  if (conflicts.length > 0 || skipped.length > 0) io.note(`then: belay session merge ${id}`)
}

async function exportIt(io: Io, id: string, flags: Json & { output?: string }): Promise<void> {
  const text = await exportSession(storeOf(io), id)
  if (flags.output === undefined || flags.output === '-') {
    // The export is JSON lines already, so --json changes nothing.
    io.outBytes(Buffer.from(text))
    return
  }
  const file = resolve(io.cwd, flags.output)
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw new BelayError('file_not_written', `${file} could not be written: ${messageOf(error)}`, {
      expected: 'a file that is not there yet, in a folder that is',
      received: file,
    })
  }
  if (flags.json) io.out(JSON.stringify({ session: id, file, bytes: Buffer.byteLength(text) }))
  else io.note(`wrote ${file} (${bytesText(Buffer.byteLength(text))})`)
}

async function importIt(io: Io, file: string, flags: Json & { id?: string }): Promise<void> {
  const store = storeOf(io)
  const meta: SessionMeta = await importSession(store, await textOf(io, file), flags.id ?? null, (remark) =>
    io.note(`warning: ${remark}`),
  ).catch((error: unknown) => Promise.reject(underAnother(error)))
  if (flags.json) {
    const state = await store.get(meta.id)
    io.out(JSON.stringify({ session: sessionView(state, null, join(store.root, meta.id)) }))
  } else io.out(`imported ${meta.id} (${meta.turns} ${meta.turns === 1 ? 'turn' : 'turns'})`)
}

/** Replaces the error for a taken id with one that says how to import under another id. */
function underAnother(error: unknown): unknown {
  if (!(error instanceof BelayError && error.code === 'session_exists')) return error
  return new BelayError(error.code, error.message, {
    expected: 'an id that is free',
    ...(error.received === null ? {} : { received: error.received }),
    next: 'belay session import FILE --id NEW',
  })
}

async function textOf(io: Io, file: string): Promise<string> {
  if (file === '-') return readAll(io.stdin)
  try {
    return await readFile(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    throw new BelayError('file_unreadable', `${file} could not be read: ${messageOf(error)}`, { received: file })
  }
}

const AGE_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** An age such as `7d`, in ms; it may be longer than any timer can run. */
function ageOf(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return Number(amount) * (AGE_MS[unit] ?? Number.NaN)
  throw new BelayError('usage', '--older-than takes an age with a unit', {
    expected: 'an age such as 36h, 7d or 8w',
    received: text,
  })
}
