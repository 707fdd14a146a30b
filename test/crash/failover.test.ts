/** `kill -9` between the failure of an agent and the turn of its failover. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { CrashWorld, ONE, type KillAt } from './crash-world.ts'

/** Calls to the record, back from the start of the stand-in, that are tried. */
const BACK = [1, 3, 6, 10]

let world: CrashWorld
afterEach(() => {
  for (const { pid } of world.processes()) process.kill(pid, 'SIGKILL')
  world.dispose()
})

const asked = (): number => (existsSync(askedFile()) ? readFileSync(askedFile(), 'utf8').trim().split('\n').length : 0)
const askedFile = (): string => join(world.dir, 'asked')
const turns = (): string => {
  const file = join(world.agentDir, 'turns')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** A world whose implementer has no quota, and where the instant agent steps in. */
function begin(): void {
  world = new CrashWorld('', ONE)
  const empty = join(world.dir, 'empty')
  const error = '{"type":"error","code":"quota","message":"used up","retry_at":"2099-01-01T00:00:00Z"}'
  writeFileSync(empty, `#!/bin/sh\ncat >/dev/null\necho x >>'${askedFile()}'\necho '${error}'\n`, { mode: 0o755 })
  const own = world.read('belay.yaml')
  const before = /implementer: \{(.*)\}/.exec(own)?.[1] ?? ''
  const role = `provider: command, model: first, command: ["${empty}"], failover: [{model: second, ${before}}]`
  world
    .files({ 'belay.yaml': own.replace(before, role).replace('concurrency: 2', 'concurrency: 1') })
    .commit('failover')
}

function failures(): number {
  if (!existsSync(join(world.home, 'belay.db'))) return 0
  const tables = world.sql("select name from sqlite_schema where name = 'events'")
  return tables.length === 0 ? 0 : world.sql("select seq from events where type = 'agent.unavailable'").length
}

/** Goes on after a kill: the right agent does the work, and no attempt is burnt. */
async function expectGoesOn(hint: string): Promise<void> {
  const [known, before] = [failures(), asked()]
  const resumed = await world.belay(['resume'])
  expect(resumed.code, `${hint}\n${resumed.stderr}`).toBe(0)
  expect(asked() - before, hint).toBe(known === 1 ? 0 : 1)
  const agents = world.log().map(({ trailers }) => trailers['Belay-Agent'])
  expect(String(agents.at(-1)), hint).toContain('implementer=command/second')
  expect(world.sql('select task, n, outcome from attempts order by n'), hint).toEqual([
    { task: 'T002', n: 1, outcome: 'rework' },
    { task: 'T002', n: 2, outcome: 'landed' },
  ])
}

describe('kill -9 between a failure and the agent that steps in', () => {
  it('goes on with the agent that steps in, and burns no attempt', { timeout: 300_000 }, async () => {
    // The start of the stand-in is found by trying the starts of processes one after the other.
    let n = 0
    for (let found = false; !found; n += 1) {
      expect(n, 'the stand-in was never started').toBeLessThan(40)
      begin()
      await world.killed(['run'], { port: 'process', n: n + 1, when: 'before' })
      found = failures() === 1
      expect(turns(), 'the stand-in was not asked yet').toBe('')
      if (!found) world.dispose()
    }
    const { record } = world.counts()
    expect(asked()).toBe(1)
    await expectGoesOn(`process ${n}`)
    expect(asked(), 'the one that is out is asked once in the whole run').toBe(1)
    world.dispose()
    for (const back of BACK) {
      begin()
      const at: KillAt = { port: 'record', n: record + 1 - back, when: back % 2 === 0 ? 'after' : 'before' }
      await world.killed(['run'], at)
      await expectGoesOn(`record ${record + 1}-${back} ${at.when}`)
      if (back !== BACK.at(-1)) world.dispose()
    }
  })
})
