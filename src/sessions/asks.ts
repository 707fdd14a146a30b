/**
 * Questions of a session's agent to a person. A question is a file in the session's folder. A second file ends it: an answer,
 * or a note that the asker no longer waits. That file is created once and stays, so that exactly one end counts, however late
 * somebody answers. Both are removed with the folder when the session is opened again.
 */
import { watch, type FSWatcher } from 'node:fs'
import { link, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import { writeNew, writeWhole } from './files.ts'
import { sessionFolder } from './id.ts'
import type { Session } from './session.ts'
import type { SessionStore } from './store.ts'

export const ASK_OPTIONS = ['allow', 'always', 'deny'] as const
export type AskOption = (typeof ASK_OPTIONS)[number]

export interface NewAsk {
  /** One line for people. */
  readonly question: string
  /** What the person needs for the decision. */
  readonly context: Readonly<Record<string, unknown>>
}

export interface Ask extends NewAsk {
  readonly id: string
  readonly session: string
  readonly createdAt: string
  readonly expiresAt: string
}

export interface AskAnswer {
  readonly value: AskOption
  readonly note: string | null
  readonly answeredAt: string
}

/**
 * Asks, and waits until somebody answers. Resolves with null if nobody did before `expiresAt` (ms since the epoch); rejects
 * with the signal's reason on abort. Either way the question is gone afterwards.
 */
export async function askInSession(
  session: Session,
  { question, context }: NewAsk,
  expiresAt: number,
  signal: AbortSignal,
  opened: (ask: Ask) => void,
): Promise<AskAnswer | null> {
  const folder = join(session.folder, 'asks')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const ask: Ask = {
    id: `cp-${randomId(8)}`,
    session: session.id,
    question,
    context,
    createdAt: new Date().toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
  }
  await writeWhole(join(folder, `${ask.id}.json`), JSON.stringify(ask))
  try {
    opened(ask)
    return await waitForAnswer(folder, ask.id, expiresAt, signal)
  } catch (error) {
    await close(folder, ask.id)
    throw error
  } finally {
    await rm(join(folder, `${ask.id}.json`), { force: true })
  }
}

/** Interval at which an answer is looked for, in ms, where the system does not report new files. */
const LOOK_MS = 1000

async function waitForAnswer(
  folder: string,
  id: string,
  until: number,
  signal: AbortSignal,
): Promise<AskAnswer | null> {
  for (;;) {
    signal.throwIfAborted()
    // Starts watching before it reads, so that no answer is missed in between.
    const change = nextChange(folder, Math.min(LOOK_MS, Math.max(1, until - Date.now())), signal)
    try {
      const answer = await readAnswer(folder, id)
      if (answer !== null) return answer
      // An answer at the last moment still counts.
      if (Date.now() >= until) return (await close(folder, id)) ? null : await readAnswer(folder, id)
      await change.happened
    } finally {
      change.dispose()
    }
  }
}

/** Resolves when something in `folder` changes, `ms` have passed, or the signal aborts. */
function nextChange(folder: string, ms: number, signal: AbortSignal): { happened: Promise<void>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => resolve()
  const watcher = watching(folder, done)
  const timer = setTimeout(done, ms)
  signal.addEventListener('abort', done, { once: true })
  return {
    happened: promise,
    dispose() {
      clearTimeout(timer)
      watcher?.close()
      signal.removeEventListener('abort', done)
    },
  }
}

/** null: the user has no watches left, so the caller has to poll. */
function watching(folder: string, done: () => void): FSWatcher | null {
  try {
    return watch(folder, done).on('error', done)
  } catch (error) {
    if (['EMFILE', 'ENFILE', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

/** Open questions of all sessions, oldest first. */
export async function openAsks(store: SessionStore): Promise<Ask[]> {
  const asks: Ask[] = []
  for (const { meta, holder } of await store.list()) {
    // Without a holder, the asker is gone and nobody waits for an answer.
    if (holder !== null) asks.push(...(await asksIn(join(sessionFolder(store.home, meta.id), 'asks'))))
  }
  return asks.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))
}

async function asksIn(folder: string): Promise<Ask[]> {
  const names = await readdir(folder).catch(() => [])
  const found = names.filter((name) => /^cp-\w+\.json$/.test(name)).map((name) => readAsk(join(folder, name)))
  const asks = (await Promise.all(found)).filter((ask) => ask !== null)
  const ended = new Set(await readdir(folder).catch(() => []))
  return asks.filter(({ id, expiresAt }) => !ended.has(`${id}.answer`) && Date.parse(expiresAt) > Date.now())
}

/**
 * Answers an open question of any session; null: there is no such question. The first answer counts; for a second one this
 * throws `checkpoint_closed`. Throws `answer_invalid`.
 */
export async function answerAsk(
  store: SessionStore,
  id: string,
  value: string,
  note: string | null,
): Promise<Ask | null> {
  const ask = (await openAsks(store)).find((one) => one.id === id)
  if (!ask) return null
  const option = ASK_OPTIONS.find((one) => one === value)
  if (option === undefined) {
    throw new BelayError('answer_invalid', `"${value}" is not an answer to ${id}`, {
      expected: ASK_OPTIONS.join(', '),
      received: value,
      next: `belay answer ${id} VALUE (VALUE: ${ASK_OPTIONS.join(', ')})`,
    })
  }
  const folder = join(sessionFolder(store.home, ask.session), 'asks')
  const answer: AskAnswer = { value: option, note, answeredAt: new Date().toISOString() }
  if (await end(folder, id, answer)) return ask
  throw new BelayError('checkpoint_closed', `${id} was answered already, or its time is over`, {
    next: 'belay checkpoints',
  })
}

/**
 * Records that the asker no longer waits; false if it was answered before. If this cannot be written, nobody can write an
 * answer either.
 */
function close(folder: string, id: string): Promise<boolean> {
  return end(folder, id, null).catch(() => true)
}

/**
 * Ends a question with an answer, or without one (null). Returns false if it has ended already, also because its session is
 * gone.
 */
async function end(folder: string, id: string, answer: AskAnswer | null): Promise<boolean> {
  const temporary = join(folder, `~${randomId(10)}`)
  try {
    await writeNew(temporary, JSON.stringify(answer))
    await link(temporary, answerFile(folder, id))
    return true
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

function answerFile(folder: string, id: string): string {
  return join(folder, `${id}.answer`)
}

async function readAsk(file: string): Promise<Ask | null> {
  const text = await readFile(file, 'utf8').catch(() => null) // answered and removed meanwhile
  return text === null ? null : (JSON.parse(text) as Ask)
}

async function readAnswer(folder: string, id: string): Promise<AskAnswer | null> {
  const text = await readFile(answerFile(folder, id), 'utf8').catch(() => null) // no answer yet
  return text === null ? null : (JSON.parse(text) as AskAnswer)
}
