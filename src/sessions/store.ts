import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError, isNoRoom } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import { nearest } from '../core/text.ts'
import { isStopped, thisHost } from '../process/index.ts'
import { syncFolder, writeNew } from './files.ts'
import { checkSessionId, isSessionId, sessionFolder, sessionsRoot } from './id.ts'
import { breakLock, isAhead, lockHolder, takeLock, type LockHolder } from './lock.ts'
import { headerLine, readLog, type ReadLog } from './log.ts'
import { readMeta, writeMeta, type SessionMeta } from './meta.ts'
import { LOG, Session } from './session.ts'

/** A session and its present holder; null: nobody. */
export interface SessionState {
  readonly meta: SessionMeta
  readonly holder: LockHolder | null
}

export type NewSessionMeta = Partial<Omit<SessionMeta, 'id' | 'lastUsedAt' | 'turns'>>

/** The sessions in a state folder. Each has a folder of its own; nothing is cached in memory. */
export class SessionStore {
  readonly home: string
  readonly root: string

  constructor(home: string) {
    this.home = home
    this.root = sessionsRoot(home)
  }

  /** Creates a session atomically. `body` is the lines after the header. Throws `session_exists`. */
  async create(id: string, meta: NewSessionMeta = {}, body = ''): Promise<SessionMeta> {
    const folder = sessionFolder(this.home, id)
    const now = new Date().toISOString()
    const made: SessionMeta = { ...EMPTY, createdAt: now, ...meta, id, lastUsedAt: now }
    const half = join(this.root, `~${randomId(10)}`)
    await mkdir(half, { recursive: true, mode: 0o700 })
    try {
      await writeNew(join(half, LOG), `${headerLine(id, made.createdAt)}${body}`)
      await writeMeta(half, made)
      if ((await stat(folder).catch(() => null)) !== null) throw exists(id)
      await rename(half, folder)
    } catch (error) {
      await rm(half, { recursive: true, force: true })
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') throw exists(id) // another process created it first
      throw error
    }
    await syncFolder(this.root)
    return made
  }

  /** The session with this id, or null. Throws `session_id_invalid`, `session_damaged`. */
  async find(id: string): Promise<SessionState | null> {
    const folder = sessionFolder(this.home, id)
    const meta = await readMeta(folder)
    if (meta === null && (await this.#isDamaged(id))) throw damagedMeta(folder, id)
    return meta === null ? null : { meta, holder: await lockHolder(folder) }
  }

  /** Like `find`, but throws `session_unknown` with the nearest id instead of returning null. */
  async get(id: string): Promise<SessionState> {
    return (await this.find(id)) ?? Promise.reject(await this.#unknown(id))
  }

  /** All sessions, the most recently used first. */
  async list(): Promise<SessionState[]> {
    const found = await Promise.all((await this.metas()).map(async (meta) => this.#stateOf(meta)))
    return found.filter((one) => one !== null)
  }

  /** null: the session was removed meanwhile. */
  async #stateOf(meta: SessionMeta): Promise<SessionState | null> {
    try {
      return { meta, holder: await lockHolder(sessionFolder(this.home, meta.id)) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  /** Like `list`, without looking up the holders. */
  async metas(): Promise<SessionMeta[]> {
    const found = await Promise.all((await this.#ids()).map((id) => readMeta(sessionFolder(this.home, id))))
    return found.filter((one) => one !== null).toSorted(byUse)
  }

  /** Ids of the parallel parts of a session. They begin with its own id, so no other session is read. */
  async partsOf(id: string): Promise<string[]> {
    const near = (await this.#ids()).filter((one) => one.startsWith(`${id}.`))
    const metas = await Promise.all(near.map((one) => readMeta(sessionFolder(this.home, one))))
    return metas.flatMap((meta) => (meta?.parent === id ? [meta.id] : [])).toSorted()
  }

  /**
   * Ids of sessions that cannot be listed, because their `session.json` is missing or not JSON. Their lines may still be
   * complete.
   */
  async damaged(): Promise<string[]> {
    const found = await Promise.all(
      (await this.#ids()).map(async (id) => ((await readMeta(sessionFolder(this.home, id))) === null ? id : null)),
    )
    const damaged: string[] = []
    for (const id of found) if (id !== null && (await this.#isDamaged(id))) damaged.push(id)
    return damaged.toSorted()
  }

  /** All lines of a session, without holding it; while somebody writes, the last line may be missing. */
  async read(id: string): Promise<ReadLog> {
    await this.get(id)
    return this.#in(id, (folder) => readLog(join(folder, LOG)))
  }

  /** Takes a session for this process. Throws `session_unknown`, or `held` with its holder. */
  async open(id: string, purpose: string): Promise<Session> {
    const { meta } = await this.get(id)
    return this.#in(id, async (folder) => {
      const lock = await takeLock(folder, purpose)
      if ('by' in lock) throw heldError(id, lock.by)
      try {
        return await Session.open(folder, lock, (await readMeta(folder)) ?? meta)
      } catch (error) {
        await lock.release()
        throw error
      }
    })
  }

  /**
   * Frees a session whose holder does not release it. Returns the holder, or null if the session was free. A dead holder's lock
   * need not be freed: the next process takes it.
   */
  async unlock(id: string): Promise<LockHolder | null> {
    const { holder } = await this.get(id)
    return holder === null ? null : this.#in(id, (folder) => breakLock(folder, holder.token))
  }

  /**
   * Removes a session's folder. Throws `held` if another process holds it, unless `force` first takes it away. `check` is
   * called once no other process can work in the session; if it throws, the session stays.
   */
  async remove(
    id: string,
    force: boolean,
    check: (meta: SessionMeta) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const { meta } = await this.get(id)
    const gone = join(this.root, `~${randomId(10)}`)
    await this.#in(id, async (folder) => {
      if (force) await breakLock(folder).catch((error: unknown) => this.#noLock(null, error))
      const lock = await takeLock(folder, 'delete').catch((error: unknown) => this.#noLock(id, error))
      if (lock !== null && 'by' in lock) throw heldError(id, lock.by)
      try {
        await check((await readMeta(folder)) ?? meta)
        await lock?.tidied // otherwise it could remove the locks of a new session with the same id
        await rename(folder, gone)
      } catch (error) {
        await lock?.release()
        throw error
      }
      lock?.forget()
    })
    await rm(gone, { recursive: true, force: true, maxRetries: 3 })
  }

  /** Removes a session that was just created for nothing; it stays if another process works in it by now. */
  async takeBack(id: string): Promise<void> {
    await this.remove(id, false).catch((error: unknown) => {
      if (!(error instanceof BelayError && ['held', 'session_unknown'].includes(error.code))) throw error
    })
  }

  /** Removes what interrupted creations and removals left behind (after an hour); returns how many. */
  async sweep(): Promise<number> {
    let swept = 0
    for (const name of await readdir(this.root).catch(() => [])) {
      if (!name.startsWith('~')) continue
      const folder = join(this.root, name)
      const found = await stat(folder).catch(() => null)
      if (found === null || Date.now() - found.mtimeMs < 3_600_000) continue
      await rm(folder, { recursive: true, force: true })
      swept += 1
    }
    return swept
  }

  /** Whether a session without metadata has lines, and so was not just removed. */
  async #isDamaged(id: string): Promise<boolean> {
    return (await stat(join(sessionFolder(this.home, id), LOG)).catch(() => null)) !== null
  }

  /**
   * Lets a session be removed although a full disk leaves no room for a lock: removing it makes room, and nobody else can take
   * it either. Rethrows any other error.
   */
  async #noLock(id: string | null, error: unknown): Promise<null> {
    if (!isNoRoom(error)) throw error
    const holder = id === null ? null : ((await this.find(id))?.holder ?? null)
    if (id !== null && holder !== null) throw heldError(id, holder)
    return null
  }

  /** Does `work` in a session's folder; throws `session_unknown` if the session is removed meanwhile. */
  async #in<T>(id: string, work: (folder: string) => Promise<T>): Promise<T> {
    const folder = sessionFolder(this.home, id)
    try {
      return await work(folder)
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT' && (await readMeta(folder)) === null
      throw isGone ? await this.#unknown(id) : error
    }
  }

  async #ids(): Promise<string[]> {
    const names = await readdir(this.root, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return names.filter((one) => one.isDirectory() && isSessionId(one.name)).map((one) => one.name)
  }

  async #unknown(id: string): Promise<BelayError> {
    const ids = await this.#ids()
    const near = nearest(checkSessionId(id), ids)
    return new BelayError('session_unknown', `there is no session "${id}"`, {
      expected: ids.length === 0 ? 'there is no session yet' : ids.slice(0, 10).join(', '),
      received: id,
      next: near === null ? 'belay session list' : `did you mean ${near}?`,
    })
  }
}

function byUse(a: SessionMeta, b: SessionMeta): number {
  return b.lastUsedAt.localeCompare(a.lastUsedAt) || a.id.localeCompare(b.id)
}

const EMPTY: Omit<SessionMeta, 'id' | 'createdAt' | 'lastUsedAt'> = {
  turns: 0,
  provider: null,
  model: null,
  cwd: null,
  title: null,
  workspace: null,
  repository: null,
  collaboration: null,
  parent: null,
  merged: false,
}

function damagedMeta(folder: string, id: string): BelayError {
  return new BelayError('session_damaged', `session.json of session ${id} is gone or damaged`, {
    expected: 'what is known of the session, as JSON',
    received: join(folder, 'session.json'),
    next: `belay session import ${join(folder, LOG)} --id NEW keeps what was said; then remove ${folder}`,
  })
}

/** The holder, as one line for people. */
export function describeHolder(holder: LockHolder): string {
  const state = isStoppedHere(holder)
    ? ', which is stopped'
    : isAhead(holder)
      ? ', whose clock is ahead of this one'
      : ''
  return `belay ${holder.purpose}, process ${holder.pid} on ${holder.host}${state}, since ${holder.acquiredAt}`
}

function isStoppedHere({ host, pid }: LockHolder): boolean {
  return host === thisHost().host && isStopped(pid)
}

function heldError(id: string, by: LockHolder): BelayError {
  return new BelayError('held', `session ${id} is in use: ${describeHolder(by)}`, {
    expected: 'a session that nobody else uses',
    received: `held by process ${by.pid} on ${by.host}`,
    next: `${isStoppedHere(by) ? `let it go on: kill -CONT ${by.pid}` : 'wait for it'}, or take it away: belay session unlock ${id}`,
  })
}

function exists(id: string): BelayError {
  return new BelayError('session_exists', `session "${id}" exists already`, {
    expected: 'a new id',
    received: id,
    next: `belay session show ${id}`,
  })
}
