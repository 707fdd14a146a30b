import { createHash } from 'node:crypto'
import { link, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import {
  isAlive,
  startTimeOf,
  thisHost,
  thisProcess,
  type HostIdentity,
  type ProcessIdentity,
} from '../process/index.ts'

/** A path in `folder` (Belay's own, outside the repository) that is the same for all processes that work in one repository. */
export function meetingPoint(folder: string, commonDir: string, kind: string): string {
  return join(folder, `${createHash('sha256').update(commonDir).digest('hex').slice(0, 32)}.${kind}`)
}

const PATIENCE_MS = 120_000

/**
 * Runs `work` while no other process runs under the same `path`, which need not exist. A holder that died is replaced at once.
 * Throws `guard_busy` if a living one keeps the lock for two minutes. Must not be nested for one path.
 */
export async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const lock = `${path}.lock`
  const mine = `${lock}.${process.pid}-${randomId(8)}`
  await writeFile(mine, JSON.stringify({ ...thisHost(), ...thisProcess(), nonce: randomId(8) }), { mode: 0o600 })
  try {
    const deadline = performance.now() + PATIENCE_MS
    while (!(await tryLink(mine, lock))) {
      if (performance.now() > deadline) {
        throw new BelayError('guard_busy', `another Belay process holds ${lock}`, { exit: 1, next: 'belay status' })
      }
      await breakDead(lock, mine)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    try {
      await sweep(path)
      return await work()
    } finally {
      await rm(lock, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/**
 * Removes files that processes which died in here left beside `path`. While we hold the lock, no other process writes there.
 */
async function sweep(path: string): Promise<void> {
  const [folder, stem] = [dirname(path), `${basename(path)}.`]
  for (const name of await readdir(folder)) {
    if (!name.startsWith(stem) || name === `${stem}lock`) continue
    const waiter = /^lock\.(\d+)-/.exec(name.slice(stem.length))?.[1]
    if (waiter !== undefined) {
      const text = await readFile(join(folder, name), 'utf8').catch(() => '')
      if (text === '' ? startTimeOf(Number(waiter)) !== null : !isDead(text)) continue
    }
    await rm(join(folder, name), { force: true })
  }
}

async function tryLink(mine: string, lock: string): Promise<boolean> {
  try {
    await link(mine, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Removes the lock of a holder that died. Only one process may do so for each dead lock: another that had read the dead lock at
 * the same time and acted later would remove the next holder's lock. The link `broken-HASH-TURN` to `mine` claims the right.
 * The next turn is used only if the process that claimed the one before has died as well.
 */
async function breakDead(lock: string, mine: string): Promise<void> {
  const text = await read(lock)
  if (text === '' || !isDead(text)) return
  const turns = `${lock}.broken-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  for (let turn = 0; ; turn++) {
    const own = `${turns}-${turn}`
    if (await tryLink(mine, own)) {
      // If the lock has changed, it was already broken, and nothing is left to do.
      if ((await read(lock)) === text) await rm(lock, { force: true })
      return
    }
    const other = await read(own)
    if (other === '' || !isDead(other)) return
  }
}

/** The file's text; empty if there is no such file. */
async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
}

function isDead(text: string): boolean {
  try {
    const owner = JSON.parse(text) as HostIdentity & ProcessIdentity
    const here = thisHost()
    return owner.host === here.host && (owner.boot !== here.boot || !isAlive(owner))
  } catch {
    return true // truncated by a full disk
  }
}
