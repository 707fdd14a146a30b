export interface GitStatus {
  /** null: detached HEAD. */
  readonly branch: string | null
  readonly upstream: { readonly ahead: number; readonly behind: number } | null
  readonly staged: readonly string[]
  readonly modified: readonly string[]
  readonly unmerged: readonly string[]
  readonly untracked: readonly string[]
}

/** Parses the output of `git status --porcelain=v2 --branch`. */
export function parseStatus(text: string): GitStatus {
  const status = {
    branch: null as string | null,
    upstream: null as GitStatus['upstream'],
    staged: [] as string[],
    modified: [] as string[],
    unmerged: [] as string[],
    untracked: [] as string[],
  }
  for (const line of text.split('\n')) {
    const fields = line.split(' ')
    const change = fields[1] ?? ''
    if (line.startsWith('# branch.head ')) status.branch = fields[2] === '(detached)' ? null : (fields[2] ?? null)
    else if (line.startsWith('# branch.ab ')) status.upstream = { ahead: Number(fields[2]), behind: -Number(fields[3]) }
    else if (line.startsWith('? ')) status.untracked.push(line.slice(2))
    else if (line.startsWith('u ')) status.unmerged.push(fields.slice(10).join(' '))
    else if (line.startsWith('1 ') || line.startsWith('2 ')) {
      const path = fields.slice(line.startsWith('1 ') ? 8 : 9).join(' ')
      const shown = path.replace(/^(.*)\t(.*)$/, '$2 -> $1')
      if (change[0] !== '.') status.staged.push(`${change[0]} ${shown}`)
      if (change[1] !== '.') status.modified.push(`${change[1]} ${shown}`)
    }
  }
  return status
}

const LISTED = 200

/** A status for people and models. */
export function describeStatus(status: GitStatus): string {
  const { upstream } = status
  const where = upstream === null ? '' : ` (${upstream.ahead} ahead, ${upstream.behind} behind)`
  const lists = [
    ['staged', status.staged],
    ['changed, not staged', status.modified],
    ['conflicts', status.unmerged],
    ['untracked', status.untracked],
  ] as const
  const shown = lists.filter(([, names]) => names.length > 0).map(([title, names]) => listOf(title, names))
  const branch = status.branch === null ? 'no branch (detached HEAD)' : `branch ${status.branch}${where}`
  return [branch, ...(shown.length === 0 ? ['clean'] : shown)].join('\n')
}

function listOf(title: string, names: readonly string[]): string {
  const more = names.length > LISTED ? [`  [${names.length - LISTED} more]`] : []
  return [`${title} (${names.length}):`, ...names.slice(0, LISTED).map((name) => `  ${name}`), ...more].join('\n')
}
