import { printable } from '../../core/text.ts'
import { describeHolder, type SessionMeta, type SessionState, type StoredEntry } from '../../sessions/index.ts'
import { columns, localTime, oneLine } from './format.ts'

/** A session as printed with `--json`. */
export function sessionView(
  { meta, holder }: SessionState,
  size: number | null,
  path: string,
): Record<string, unknown> {
  return {
    id: meta.id,
    status: holder === null ? 'ready' : 'locked',
    title: meta.title,
    agent: meta.provider,
    model: meta.model,
    turns: meta.turns,
    access: meta.confinement?.access ?? null,
    sandbox: meta.confinement?.sandbox ?? null,
    cwd: meta.cwd,
    workspace: meta.workspace,
    repository: meta.repository,
    collaboration: meta.collaboration,
    parent: meta.parent,
    merged: meta.merged,
    path,
    size_bytes: size,
    created_at: meta.createdAt,
    last_used_at: meta.lastUsedAt,
    holder:
      holder === null
        ? null
        : {
            purpose: holder.purpose,
            host: holder.host,
            pid: holder.pid,
            acquired_at: holder.acquiredAt,
            heartbeat_at: holder.heartbeatAt,
          },
  }
}

/** Longest end of a repository's URL or path in a list, in characters. */
const REPO_WIDTH = 37

/** Sessions as a table. */
export function sessionTable(rows: readonly { readonly state: SessionState; readonly size: number }[]): string[] {
  const head = ['SESSION ID', 'STATUS', 'LAST USED', 'TURNS', 'AGENT', 'REPO', 'SIZE', 'TITLE']
  return columns([
    head,
    ...rows.map(({ state: { meta, holder }, size }) => [
      meta.id,
      holder === null ? 'ready' : `locked (${holder.purpose})`,
      localTime(meta.lastUsedAt),
      String(meta.turns),
      meta.provider ?? '-',
      whereOf(meta),
      bytesText(size),
      oneLine(meta.title ?? '', 50),
    ]),
  ])
}

function whereOf({ repository, cwd }: SessionMeta): string {
  const where = printable(repository?.url ?? repository?.root ?? cwd ?? '-')
  return where.length <= REPO_WIDTH ? where : `...${where.slice(-REPO_WIDTH)}`
}

/** Everything about one session, one line each. */
export function sessionInfo({ meta, holder }: SessionState, size: number, path: string): string[] {
  const { repository } = meta
  const rows = [
    ['id', meta.id],
    ['title', oneLine(meta.title ?? '-', 200)],
    ['path', path],
    ['created', localTime(meta.createdAt)],
    ['last used', localTime(meta.lastUsedAt)],
    ['turns', String(meta.turns)],
    ['agent', [meta.provider ?? '-', meta.model].filter((one) => one !== null).join(' ')],
    ['access', [meta.confinement?.access ?? '-', meta.confinement?.sandbox].filter(Boolean).join(', sandbox ')],
    ['folder', meta.cwd ?? '-'],
    ['workspace', meta.workspace ?? 'none of its own'],
    ['repository', repository?.url ?? repository?.root ?? '-'],
    ['branch', repository?.branch ?? '-'],
    ...(meta.collaboration === null ? [] : [['collaboration', meta.collaboration]]),
    ...(meta.parent === null ? [] : [['part of', `${meta.parent}${meta.merged ? ' (merged)' : ''}`]]),
    ['disk use', bytesText(size)],
    ['status', holder === null ? 'ready' : `locked: ${describeHolder(holder)}`],
  ]
  return columns(rows.map(([name = '', value = '']) => [name, printable(value)]))
}

/**
 * The conversation for people. `items`: also show the agents' actions, not only their last messages. `held`: a process is
 * working in the session, so its last turn may be unfinished.
 */
export function conversationText(entries: readonly StoredEntry[], items: boolean, held: boolean): string[] {
  const lines = entryLines(entries, items)
  const last = entries.findLast(({ type }) => type === 'turn' || type === 'turn_ended')
  if (last?.type === 'turn' && !held) lines.push('-- cut off')
  return lines
}

function entryLines(entries: readonly StoredEntry[], items: boolean): string[] {
  let open = false
  return entries.flatMap((entry) => {
    switch (entry.type) {
      case 'turn': {
        const before = open ? ['-- cut off'] : []
        open = true
        const head = `turn ${entry.turn}  ${localTime(entry.time)}  ${entry.agent.provider}`
        return [...before, '', head, ...quoted(entry.prompt)]
      }
      case 'turn_ended': {
        open = false
        const how = entry.status === 'done' ? 'done' : `${entry.status} (${entry.finishReason})`
        return [
          ...(entry.text === '' ? [] : printable(entry.text).split('\n')),
          `-- ${how}${entry.error === null ? '' : `: ${oneLine(entry.error, 300)}`}`,
        ]
      }
      case 'item':
        return items ? itemText(entry.item) : []
      case 'cleared':
        return ['', '-- cleared: what is above is no longer part of the conversation']
      case 'approval':
      case 'history':
      case 'native':
        return []
      default:
        return [] // from a newer Belay
    }
  })
}

function quoted(prompt: string): string[] {
  return printable(prompt)
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
}

function itemText(item: unknown): string[] {
  const { kind, text } = item as { readonly kind?: unknown; readonly text?: unknown }
  return typeof text === 'string' && text !== '' ? [`  [${String(kind)}] ${oneLine(text, 200)}`] : []
}

/** A size for people. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const units = ['KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 'B'
  for (const next of units) {
    if (value < 1024) break
    value /= 1024
    unit = next
  }
  return `${value.toFixed(1)} ${unit}`
}
