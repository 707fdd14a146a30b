import { gitFailed, pipeGit, tryGit } from './run.ts'
import { treeOf } from './trees.ts'

const PLAIN = ['--no-color', '--no-ext-diff', '--no-textconv'] as const

/**
 * The difference between two trees as a patch for people to read, of about `max` bytes at most. From a longer one, only the
 * first and last lines are kept, with a note of how much is left out. A change may be as large as a repository, so it is never
 * held in memory as a whole.
 */
export async function patchText(root: string, from: string, to: string, max: number): Promise<string> {
  const args = ['diff-tree', '-r', '-p', ...PLAIN, '--find-renames', '--end-of-options', from, to]
  const text = new Excerpt(max)
  const result = await tryGit(args, { cwd: root, onStdout: (chunk) => text.add(chunk) })
  if (result.code !== 0) throw gitFailed(args, result)
  return text.toString()
}

/** The beginning and end of a long text, in bounded memory. */
class Excerpt {
  readonly #half: number
  #first = Buffer.alloc(0)
  #last: Buffer[] = []
  #lastSize = 0
  #size = 0

  constructor(max: number) {
    this.#half = Math.ceil(max / 2)
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length
    const room = this.#half - this.#first.length
    if (room > 0) this.#first = Buffer.concat([this.#first, chunk.subarray(0, room)])
    const rest = chunk.subarray(Math.max(0, room))
    if (rest.length === 0) return
    this.#last.push(rest)
    this.#lastSize += rest.length
    // Concatenated only occasionally, so that many small chunks cost little.
    if (this.#lastSize > 8 * this.#half + (1 << 16)) this.#trim()
  }

  #trim(): Buffer {
    const last = Buffer.concat(this.#last).subarray(-this.#half)
    this.#last = [Buffer.from(last)]
    this.#lastSize = last.length
    return last
  }

  toString(): string {
    const last = this.#trim()
    if (this.#first.length + last.length === this.#size) return Buffer.concat([this.#first, last]).toString('utf8')
    const end = this.#first.lastIndexOf(0x0a) + 1
    const start = last.indexOf(0x0a) + 1
    const [head, tail] = [end === 0 ? this.#first : this.#first.subarray(0, end), last.subarray(start)]
    const left = this.#size - head.length - tail.length
    return `${head.toString('utf8')}[... ${left} bytes left out ...]\n${tail.toString('utf8')}`
  }
}

/** A name for the change between two trees; empty: there is none. See `isSamePatch`. */
export async function patchOf(root: string, from: string, to: string): Promise<string> {
  const trees = [await treeOf(root, from), await treeOf(root, to)]
  return trees[0] === trees[1] ? '' : trees.join(' ')
}

/**
 * Whether two changes, named by `patchOf`, are the same change made to different trees, as after a clean rebase. False if one
 * of the trees no longer exists.
 */
export async function isSamePatch(root: string, one: string, other: string): Promise<boolean> {
  if (one === other) return true
  const ids = [await patchId(root, one), await patchId(root, other)]
  return ids[0] !== null && ids[0] === ids[1]
}

async function patchId(root: string, patch: string): Promise<string | null> {
  const [from, to] = patch.split(' ')
  if (from === undefined || to === undefined) return null
  const diff = ['diff-tree', '-r', '-p', '--binary', '--full-index', ...PLAIN, '--no-renames', '--end-of-options']
  const [text, id] = await pipeGit([...diff, from, to], ['patch-id', '--stable'], { cwd: root })
  if (text.code !== 0) return null
  if (id.code !== 0) throw gitFailed(['patch-id'], id)
  return id.stdout.toString('utf8').split(' ')[0] ?? null
}
