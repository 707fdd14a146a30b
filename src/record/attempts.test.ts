import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { beginAttempt, closeRound, endAttempt, listAttempts } from './attempts.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { RecordStore } from './record.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-record-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const T = '2026-01-01T00:00:00.000Z'

/** A record as the first version created it, containing one attempt. */
function oldRecord(): void {
  const database = new DatabaseSync(join(folder, 'belay.db'))
  database.exec(MIGRATIONS[0] ?? '')
  database.exec('pragma application_id = 0x424c4159; pragma user_version = 1')
  database.exec(`insert into projects values ('p', '/', '${T}')`)
  database.exec(
    `insert into runs (id, project, program, status, source, base, result_branch, options, config, created_at, updated_at)
       values ('r', 'p', 'direct', 'blocked', '{}', 'b', 'x', '{}', '{}', '${T}', '${T}')`,
  )
  database.exec(
    `insert into tasks (run, handle, position, title, definition, status, state, created_at, updated_at)
       values ('r', 'T1', 0, 't', '{}', 'blocked', '{}', '${T}', '${T}')`,
  )
  database.exec(`insert into attempts values ('r', 'T1', 1, '${T}', '${T}', 'rework', 's-1')`)
  database.close()
}

test('attempts of earlier rounds stay beside those of the current one, also from an older record', async () => {
  oldRecord()
  const record = RecordStore.open(folder)
  try {
    const outcomes = async (): Promise<string[]> =>
      (await listAttempts(record.read, 'r', 'T1')).map(({ round, n, outcome }) => `${round}/${n} ${outcome}`)
    expect(await outcomes()).toEqual(['0/1 rework'])
    const round = async (n: number, outcome: string | null): Promise<void> =>
      record.write(async (tx) => {
        await beginAttempt(tx, 'r', 'T1', n, T)
        if (outcome !== null) await endAttempt(tx, 'r', 'T1', n, T, outcome)
      })
    await round(2, null)
    await record.write((tx) => closeRound(tx, 'r', 'T1', T))
    // The round has no attempts, so closing it again changes nothing.
    await record.write((tx) => closeRound(tx, 'r', 'T1', T))
    await round(1, 'rework')
    await record.write((tx) => closeRound(tx, 'r', 'T1', T))
    await round(1, 'landed')
    expect(await outcomes()).toEqual(['1/1 rework', '1/2 abandoned', '2/1 rework', '0/1 landed'])
  } finally {
    await record.close()
  }
})
