import { BelayError } from '../core/errors.ts'
import { quoteShell } from '../git/quote.ts'
import { openSource, treeFiles, type Source, type SourcePointer } from '../sources/index.ts'
import { ignoredSourceFiles } from './uncommitted.ts'

export interface SourcePlace {
  readonly root: string
  /** The commit to read from: the tip of `target`, else `head`. */
  readonly base: string
  readonly target: string | null
  /** The commit that the user's files belong to; `current` is its branch. */
  readonly head: string
  readonly current: string | null
}

export interface ReadSource {
  readonly source: Source
  /** Remarks for the user about documents in their folder that are not read because git ignores them. */
  readonly unseen: readonly string[]
}

type Feature = Extract<SourcePointer, { readonly dir: string }>
type Ignored = Awaited<ReturnType<typeof ignoredSourceFiles>>

/**
 * Opens a source as committed at the base. Throws as `openSource`. If documents are missing because git ignores them, or
 * because the target is another branch, throws `source_ignored` or `source_not_on_target`.
 */
export async function readSource(pointer: SourcePointer, place: SourcePlace): Promise<ReadSource> {
  const files = treeFiles(place.root, place.base)
  if (pointer.kind === 'prompt') return { source: await openSource(pointer, files), unseen: [] }
  const ignored = (await ignoredSourceFiles(place.root, pointer.dir)).filter(({ path }) => path.endsWith('.md'))
  try {
    const source = await openSource(pointer, files)
    return { source, unseen: ignored.map(({ path, rule }) => `${path} is not read: git ignores it (${rule})`) }
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'source_incomplete') throw error
    if (ignored.length > 0) throw sourceIgnored(pointer, ignored)
    throw (await notOnTarget(pointer, place)) ?? error
  }
}

function sourceIgnored({ dir }: Feature, ignored: Ignored): BelayError {
  const rules = [...new Set(ignored.map(({ rule }) => rule))]
  const files = ignored.map(({ path }) => quoteShell(path)).join(' ')
  return new BelayError('source_ignored', `git ignores documents of ${dir}, and a run reads committed files only`, {
    expected: 'committed files',
    received: `${ignored.map(({ path }) => path).join(', ')}: ignored by ${rules.join(', ')}`,
    next: `git add --force -- ${files}, then run again with --commit-source; or take the rule out`,
  })
}

/** The error for a source that is complete on the user's branch but not on the target; null: that is not the reason. */
async function notOnTarget(pointer: Feature, place: SourcePlace): Promise<BelayError | null> {
  const { root, base, head, target, current } = place
  if (base === head || target === null) return null
  const here = await openSource(pointer, treeFiles(root, head)).catch(() => null)
  if (here === null) return null
  const [on, dir] = [quoteShell(target), quoteShell(pointer.dir)]
  const take = `git switch ${on} && git checkout ${quoteShell(current ?? head)} -- ${dir} && git commit -m "Add ${dir}"`
  return new BelayError(
    'source_not_on_target',
    `${pointer.dir} is not complete on branch ${target}, and a run reads its source from the branch that it lands on`,
    {
      expected: `${pointer.dir} committed on ${target}`,
      received: `all of it is on ${current ?? `commit ${head.slice(0, 12)}`} only`,
      next: `${take}; or leave --into out`,
    },
  )
}
