import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { collect } from '../support/world.ts'
import { CrashWorld } from './crash-world.ts'

let world: CrashWorld

afterEach(() => {
  for (const { pid } of world.processes()) process.kill(pid, 'SIGKILL')
  world.dispose()
})

/** Waits until something is so; fails with what it waited for. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 150_000
  while (!isSo()) {
    if (Date.now() > deadline) expect.fail(`waited too long until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A world whose T001 waits, in its first attempt, until the file `go` is there; `tell` says which process was begun. */
function waiting(): { go(): void; begun(): string[] } {
  world = new CrashWorld()
  const began = join(world.dir, 'began')
  const go = join(world.dir, 'go')
  world.turn(
    'implementer-T001-1',
    `echo 41 >answer.txt; echo $$ >>'${began}'; while [ ! -f '${go}' ]; do sleep 0.02; done`,
  )
  return {
    go: () => writeFileSync(go, ''),
    begun: () => (existsSync(began) ? readFileSync(began, 'utf8').trim().split('\n') : []),
  }
}

/** Everything that the record holds, and every ref. */
function everything(): Record<string, unknown> {
  const tables = world.sql<{ name: string }>(
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name",
  )
  const rows = tables.map(({ name }) => [name, world.sql(`select * from "${name}" order by rowid`)] as const)
  return { ...Object.fromEntries(rows), refs: world.git('for-each-ref', '--format=%(refname) %(objectname)') }
}

describe('two processes', () => {
  it('one works on a run, the others are told who: resume, and a run into the same branch', async () => {
    const { go, begun } = waiting()
    const first = world.detached(['run'])
    const ended = collect(first)
    await until('the agent works', () => begun().length > 0)
    const before = everything()
    for (const args of [
      ['resume'],
      ['resume', '--budget-tokens', '5'],
      ['run'],
      ['run', '--prompt', 'x', '--into', 'main'],
    ]) {
      const second = await world.belay([...args, '--json'])
      expect(second.code, second.stderr).toBe(2)
      const { error } = JSON.parse(second.stdout.trim().split('\n').at(-1) ?? '') as { error: Record<string, string> }
      expect(error, args.join(' ')).toMatchObject({
        code: 'held',
        received: expect.stringContaining(`pid ${first.pid}`),
      })
    }
    // Nobody who was refused has left anything.
    expect(withoutRenewals(everything())).toEqual(withoutRenewals(before))
    go()
    expect(await ended).toMatchObject({ code: 0 })
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), 'after the first')
  })

  it('of two that begin at the same moment one is stored and works', async () => {
    world = new CrashWorld()
    const results = await Promise.all([collect(world.detached(['run'])), collect(world.detached(['run']))])
    expect(
      results.map((one) => Number(one.code)).toSorted((a, b) => a - b),
      results.map((one) => one.stderr).join('\n'),
    ).toEqual([0, 2])
    expect(results.find((one) => one.code === 2)?.stderr).toContain('[held]')
    expect(world.sql('select id from runs')).toHaveLength(1)
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), 'the one that worked')
  })

  it('runs into different branches work side by side', async () => {
    world = new CrashWorld()
    world.git('branch', 'other')
    const results = await Promise.all([
      collect(world.detached(['run'])),
      collect(world.detached(['run', '--into', 'other'])),
    ])
    expect(
      results.map((one) => one.code),
      results.map((one) => one.stderr).join('\n'),
    ).toEqual([0, 0])
    expect(world.git('rev-parse', 'main^{tree}')).toBe(world.git('rev-parse', 'other^{tree}'))
    world.expectCleanCheckout('side by side')
    world.expectNothingLeft('side by side')
  })
})

describe('a run that ends while an agent of another works', () => {
  it('takes its own refs away, and nobody is blamed for it', async () => {
    const { go, begun } = waiting()
    world.git('branch', 'other')
    const slow = collect(world.detached(['run', '--into', 'other']))
    await until('the agent works', () => begun().length > 0)
    world.turn('implementer-T001-1', 'echo 41 >answer.txt')
    const quick = await world.belay(['run'])
    expect(quick.code, quick.stderr).toBe(0)
    go()
    const result = await slow
    expect(result.code, result.stderr).toBe(0)
    expect(world.sql("select data from events where type in ('attempt.tampered', 'run.settled')")).toEqual([])
    expect(world.sql('select max(attempt) as most from tasks')).toEqual([{ most: 2 }])
    world.expectCleanCheckout('both ended')
    world.expectNothingLeft('both ended')
  })
})

describe('a holder that sleeps past the end of its lease', () => {
  it('finds itself overtaken: it leaves with lease_lost and touches neither record, git nor the new holder', async () => {
    const { go, begun } = waiting()
    const first = world.detached(['run'])
    const ended = collect(first)
    await until('the agent works', () => begun().length > 0)
    process.kill(first.pid as number, 'SIGSTOP')
    world.sql("update leases set expires_at = '2000-01-01T00:00:00.000Z' where token <> '' returning key")

    const second = world.detached(['resume'])
    const finished = collect(second)
    await until('the agent of the new holder works', () => begun().length > 1)
    const [, agent = ''] = begun()
    // The agent of the old holder is gone: two never work in one folder.
    expect(world.processes().some(({ pid }) => String(pid) === begun()[0])).toBe(false)
    const before = everything()
    process.kill(first.pid as number, 'SIGCONT')
    const overtaken = await ended
    expect(overtaken.code, overtaken.stderr).not.toBe(0)
    expect(overtaken.stderr).toContain('[lease_lost]')
    expect(withoutRenewals(everything())).toEqual(withoutRenewals(before))
    expect(world.processes().map(({ pid }) => String(pid))).toContain(agent)
    go()
    expect(await finished).toMatchObject({ code: 0 })
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), 'after the new holder')
  })

  it('also when the new holder has finished everything meanwhile', async () => {
    const { go, begun } = waiting()
    const first = world.detached(['run', '--json'])
    const ended = collect(first)
    await until('the agent works', () => begun().length > 0)
    process.kill(first.pid as number, 'SIGSTOP')
    world.sql("update leases set expires_at = '2000-01-01T00:00:00.000Z' where token <> '' returning key")
    go()
    const second = await world.belay(['resume'])
    expect(second.code, second.stderr).toBe(0)
    const before = everything()
    process.kill(first.pid as number, 'SIGCONT')
    const overtaken = await ended
    expect(overtaken.code, overtaken.stderr).not.toBe(0)
    const last = JSON.parse(overtaken.stdout.trim().split('\n').at(-1) ?? '') as { error?: { code: string } }
    expect(last.error?.code).toBe('lease_lost')
    expect(everything()).toEqual(before)
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), 'after both')
  })

  it('goes on when nobody took its place', async () => {
    const { go, begun } = waiting()
    const first = world.detached(['run'])
    const ended = collect(first)
    await until('the agent works', () => begun().length > 0)
    process.kill(first.pid as number, 'SIGSTOP')
    world.sql("update leases set expires_at = '2000-01-01T00:00:00.000Z' where token <> '' returning key")
    process.kill(first.pid as number, 'SIGCONT')
    go()
    const result = await ended
    expect(result.code, result.stderr).toBe(0)
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), 'after waking')
  })
})

/** The new holder prolongs its leases all the time. */
function withoutRenewals(all: Record<string, unknown>): Record<string, unknown> {
  const leases = (all['leases'] as Record<string, unknown>[]).map((lease) => ({ ...lease, expires_at: 'some time' }))
  return { ...all, leases }
}

describe('a dead holder', () => {
  it('is replaced at once, and its agents are ended before others begin', async () => {
    const { go, begun } = waiting()
    const first = world.detached(['run'])
    await until('the agent works', () => begun().length > 0)
    process.kill(first.pid as number, 'SIGKILL')
    await once(first, 'exit')
    go()
    const second = await world.belay(['resume'])
    expect(second.code, second.stderr).toBe(0)
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), 'after a dead holder')
  })
})
