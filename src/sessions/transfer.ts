/** Sessions as one file: a header with the metadata, then every line as it was written. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import type { Header } from './entries.ts'
import { sessionFolder } from './id.ts'
import { parseLog } from './log.ts'
import type { SessionMeta } from './meta.ts'
import { LOG } from './session.ts'
import type { SessionStore } from './store.ts'

interface ExportHeader extends Header {
  readonly meta: SessionMeta
}

const REEXPORT = 'belay session export SESSION --output FILE, once more'

/** The session as JSON lines. Lossless: after import and another export, all lines but the first are the same. */
export async function exportSession(store: SessionStore, id: string): Promise<string> {
  const { meta } = await store.get(id)
  const bytes = await readFile(join(sessionFolder(store.home, id), LOG))
  const { header, length } = parseLog(bytes, `session ${id}`)
  return `${JSON.stringify({ ...header, meta } satisfies ExportHeader)}\n${afterFirstLine(bytes.toString('utf8', 0, length))}`
}

/**
 * Creates a session from the output of `exportSession`, under `id` or its old id. Its workspace, folder and policy are not
 * imported: it continues in the user's current folder. Throws `session_exists`, `session_damaged`.
 */
export async function importSession(
  store: SessionStore,
  text: string,
  id: string | null,
  told: (remark: string) => void = () => {},
): Promise<SessionMeta> {
  const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`
  const { header, entries, torn } = parseLog(Buffer.from(whole), 'the exported session', REEXPORT)
  if (torn > 0) {
    throw new BelayError('session_damaged', 'the last line of the exported session is cut off', {
      expected: 'a whole file of: belay session export',
      next: REEXPORT,
    })
  }
  const meta = (header as Partial<ExportHeader>).meta
  const made = await store.create(
    id ?? header.id,
    {
      provider: textOf(meta?.provider),
      model: textOf(meta?.model),
      title: textOf(meta?.title),
      ...(isTime(header.created_at) ? { createdAt: header.created_at } : {}),
    },
    afterFirstLine(whole),
  )
  if (meta?.policy !== undefined && meta.policy !== null)
    told('its command policy was not imported: the one that is configured where the session goes on applies')
  const turns = entries.filter((entry) => entry.type === 'turn').length
  const session = await store.open(made.id, 'import')
  try {
    await session.change({ turns, ...(meta?.confinement?.access === 'read-only' ? READ_ONLY : {}) })
    return session.meta
  } finally {
    await session.close()
  }
}

/** A file can narrow what its session may do, never widen it. */
const READ_ONLY = { confinement: { access: 'read-only', sandbox: null, network: null } } as const

/** Whether a value is a time in Belay's own format. */
function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) && new Date(value).toISOString() === value
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function afterFirstLine(text: string): string {
  return text.slice(text.indexOf('\n') + 1)
}
