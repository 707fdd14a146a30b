import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reason } from '../core/words.ts'
import { tail } from '../core/text.ts'
import { addAll } from '../git/add.ts'
import { changedPaths, seedIndex, snapshotTree } from '../git/trees.ts'
import { gitDirOf } from '../git/git-dir.ts'
import { git } from '../git/run.ts'
import { listUntracked } from './clean.ts'
import { copyIgnored, type CopyResult } from './copy.ts'
import { setupKey } from './setup-key.ts'

export interface SetupCommand {
  readonly name: string
  /** Text is run by `/bin/sh -c`; a list is run without a shell. */
  readonly run: string | readonly string[]
  readonly timeoutMs: number
  /** Relative to the root of the workspace. */
  readonly cwd: string | null
}

/** What a setup command did. */
export interface SetupEvidence {
  readonly name: string
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly durationMs: number
  readonly outputHead: string
  readonly outputTail: string
}

/** Runs one command in a workspace until it ends or its time is up, and then ends its whole process group. Never rejects. */
export type RunSetup = (command: SetupCommand, workspace: string) => Promise<SetupEvidence>

export interface PrepareRequest {
  /** Root of the workspace. */
  readonly path: string
  readonly setup: readonly SetupCommand[]
  /** `workspace.setup_inputs`; null: the lockfiles. */
  readonly inputs: readonly string[] | null
  /** `workspace.copy`. */
  readonly copy: readonly string[]
  /** Root of the user's checkout. */
  readonly userRoot: string
  /** `key` of the last successful preparation of this workspace; null: there was none. */
  readonly lastKey: string | null
  readonly run: RunSetup
}

export interface Preparation {
  readonly evidence: readonly SetupEvidence[]
  readonly copy: CopyResult
  /** Tracked and new files that setup changed or removed, and that were restored. */
  readonly undone: readonly string[]
}

export type Prepared =
  /**
   * `products`: what setup and copying created. It is not the task's work: kept when by-products are removed, and never
   * committed.
   */
  | (Preparation & {
      readonly ok: true
      readonly key: string
      readonly ran: boolean
      readonly products: readonly string[]
    })
  | (Preparation & { readonly ok: false; readonly reason: Reason })

/**
 * Makes a workspace usable before any agent or gate enters it. First copies the ignored files of `copy` (setup may need them:
 * .env, caches). Then runs the setup commands if they never ran here, or if the commands or their inputs have changed since
 * `lastKey`. Changes by setup to tracked files, or to files that the task added, are undone. A failing command ends the
 * preparation with `setup_failed`; the key must then not be stored. Throws `workspace_copy` for patterns that leave the
 * repository. Repeatable.
 */
export async function prepareWorkspace(request: PrepareRequest): Promise<Prepared> {
  const { path, setup, inputs, userRoot, lastKey } = request
  const copy = await copyIgnored({ from: userRoot, to: path, patterns: request.copy })
  const key = await setupKey(path, setup, inputs)
  const known = await readNotes(path)
  const lost = known.products.some((one) => !existsSync(join(path, one)))
  if (setup.length === 0 || (key === lastKey && !lost && known.before === null)) {
    const products = await note(path, [...known.products, ...copy.present])
    return { ok: true, key, ran: false, evidence: [], copy, undone: [], products }
  }
  // What a killed setup left behind belongs to setup too, so the list from before that one counts.
  const before = known.before ?? (await listUntracked(path))
  await writeNotes(path, { products: known.products, before })
  const scratch = await mkdtemp(join(tmpdir(), 'belay-setup-'))
  try {
    const files = await Files.of(path, join(scratch, 'index'))
    const { evidence, failed } = await runAll(request)
    const undone = await files.putBack()
    const made = (await listUntracked(path)).filter((one) => !before.includes(one) && !files.holds(one))
    const products = await note(path, [...known.products, ...copy.present, ...made])
    if (failed) return { ok: false, reason: reasonOf(failed), evidence, copy, undone }
    return { ok: true, key, ran: true, evidence, copy, undone, products }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function runAll(request: PrepareRequest): Promise<{ evidence: SetupEvidence[]; failed: SetupEvidence | null }> {
  const evidence: SetupEvidence[] = []
  for (const command of request.setup) {
    const one = await request.run(command, request.path)
    evidence.push(one)
    if (one.exitCode !== 0 || one.timedOut) return { evidence, failed: one }
  }
  return { evidence, failed: null }
}

function reasonOf(failed: SetupEvidence): Reason {
  const how = failed.timedOut
    ? `was ended after ${Math.round(failed.durationMs / 1000)} s`
    : failed.signal !== null
      ? `was killed by ${failed.signal}`
      : `ended with ${failed.exitCode ?? 'no exit status'}`
  const output = tail((failed.outputTail || failed.outputHead).trim(), 2000)
  return {
    code: 'setup_failed',
    message: `workspace.setup: ${failed.name} ${how}${output === '' ? '' : `\n${output}`}`,
  }
}

/** The files of a workspace that are not ignored, as they were at one moment. */
class Files {
  readonly #path: string
  readonly #index: string
  readonly #tree: string
  readonly #names: ReadonlySet<string>

  private constructor(path: string, index: string, tree: string, names: ReadonlySet<string>) {
    this.#path = path
    this.#index = index
    this.#tree = tree
    this.#names = names
  }

  /** Records the present files; `index` is where a temporary index may be written. */
  static async of(path: string, index: string): Promise<Files> {
    await seedIndex(await gitDirOf(path), index)
    const tree = await snapshotTree(path, index)
    const names = (await git(['ls-tree', '-r', '-z', '--name-only', tree], { cwd: path })).split('\0')
    return new Files(path, index, tree, new Set(names))
  }

  holds(path: string): boolean {
    return this.#names.has(path)
  }

  /** Restores what was changed or removed since; new files stay. Returns the restored paths. */
  async putBack(): Promise<string[]> {
    // Only what is in the index already: new files may include a whole folder of dependencies that is not ignored.
    const env = { GIT_INDEX_FILE: this.#index }
    await addAll(this.#path, { env, update: true })
    const now = await git(['write-tree'], { cwd: this.#path, env })
    const changed = (await changedPaths(this.#path, this.#tree, now)).filter((change) => change.status !== 'A')
    if (changed.length === 0) return []
    await git(['read-tree', this.#tree], { cwd: this.#path, env })
    const input = changed.map((change) => `${change.path}\0`).join('')
    await git(['checkout-index', '--force', '-z', '--stdin'], { cwd: this.#path, env, input })
    return changed.map((change) => change.path).sort()
  }
}

interface Notes {
  readonly products: readonly string[]
  /** What was untracked before a setup that has not ended; null: none is unfinished. */
  readonly before: readonly string[] | null
}

async function notesFile(path: string): Promise<string> {
  return join(await gitDirOf(path), 'belay-setup.json')
}

async function readNotes(path: string): Promise<Notes> {
  const text = await readFile(await notesFile(path), 'utf8').catch(() => '{}')
  const texts = (list: unknown): string[] | null =>
    Array.isArray(list) ? list.filter((one) => typeof one === 'string') : null
  try {
    const { products, before } = JSON.parse(text) as Record<string, unknown>
    return { products: texts(products) ?? [], before: texts(before) }
  } catch {
    return { products: [], before: null } // damaged: products of setup then count as by-products
  }
}

async function writeNotes(path: string, notes: Notes): Promise<void> {
  const file = await notesFile(path)
  await writeFile(`${file}.new`, JSON.stringify(notes))
  await rename(`${file}.new`, file)
}

/** What setup and copying created in a workspace, as of its last preparation: the `keep` for `cleanByproducts`. */
export async function setupProducts(path: string): Promise<readonly string[]> {
  return (await readNotes(path)).products
}

/** Stores the products, without those that are gone or tracked by now, and returns them. */
async function note(path: string, products: readonly string[]): Promise<readonly string[]> {
  const untracked = await listUntracked(path)
  // A product inside an untracked folder is not listed under its own name.
  const isUntracked = (one: string): boolean =>
    untracked.some((top) => one === top || (top.endsWith('/') && one.startsWith(top)))
  const list = [...new Set(products)].filter((one) => isUntracked(one) && existsSync(join(path, one))).sort()
  await writeNotes(path, { products: list, before: null })
  return list
}
