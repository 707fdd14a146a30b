import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { thisHost, thisProcess } from '../process/index.ts'
import { breakLock, lockHolder, takeLock } from './lock.ts'
import { freshHome, home, log, other, store } from './testing/home.ts'

freshHome()

describe('the lock', () => {
  it('lets one process work and tells the other who does', async () => {
    await store.create('a')
    const first = other('a')
    expect(await first.says()).toBe('opened')
    await expect(store.open('a', 'test')).rejects.toMatchObject({
      code: 'held',
      exit: 2,
      message: expect.stringContaining(`process ${first.child.pid} on ${thisHost().host}`),
    })
    expect(await other('a').says()).toBe('held')
    expect((await store.get('a')).holder?.pid).toBe(first.child.pid)
    first.tell('close')
    expect(await first.says()).toBe('closed')
    await (await store.open('a', 'test')).close()
  })

  it('is not that of a session which was made anew, also where its file gets the number of the one before', async () => {
    const folder = join(home, 'again')
    const take = async () => {
      mkdirSync(folder)
      const lock = await takeLock(folder, 'test')
      if ('by' in lock) throw new Error('somebody has it')
      return lock
    }
    for (let round = 0; round < 20; round += 1) {
      const before = await take()
      await before.tidied
      rmSync(folder, { recursive: true })
      const next = await take()
      expect(await before.isHeld()).toBe(false)
      await before.release()
      expect(await next.isHeld()).toBe(true)
      await next.release()
      rmSync(folder, { recursive: true })
    }
  })

  it('goes to exactly one of many that want it at once, also from a dead holder', async () => {
    await store.create('a')
    const dead = other('a')
    expect(await dead.says()).toBe('opened')
    await dead.kill()
    const folder = join(home, 'sessions', 'a')
    for (let round = 0; round < 20; round++) {
      const taken = await Promise.all(Array.from({ length: 8 }, () => takeLock(folder, 'race')))
      const held = taken.filter((one) => 'release' in one)
      expect(held).toHaveLength(1)
      for (const one of taken) if ('by' in one) expect(one.by.token).toBe(held[0]?.holder.token)
      expect(await held[0]?.isHeld()).toBe(true)
      await held[0]?.release()
      expect(await lockHolder(folder)).toBeNull()
    }
    expect(readdirSync(folder).filter((name) => name.startsWith('lock')).length).toBeLessThanOrEqual(2)
  })

  it('kill -9 loses at most the item in flight, and the session is free at once', async () => {
    await store.create('a')
    const first = other('a')
    expect(await first.says()).toBe('opened')
    for (const line of ['one', 'two', 'three']) {
      first.tell(line)
      expect(await first.says()).toBe(`appended ${line}`)
    }
    first.tell('flood')
    while (readFileSync(log('a')).length < 200_000) await new Promise((resolve) => setImmediate(resolve))
    await first.kill()
    const left = readFileSync(log('a'))
    const session = await store.open('a', 'test')
    expect(await session.history.load()).toEqual([{ line: 'one' }, { line: 'two' }, { line: 'three' }])
    const turns = session.entries.flatMap((entry) => (entry.type === 'item' ? [entry.turn] : []))
    expect(turns).toEqual(turns.map((_, i) => i + 1))
    expect(turns.length).toBeGreaterThan(60)
    expect(session.torn).toBe(left.length - (left.lastIndexOf(0x0a) + 1))
    await session.close()
  })

  it('counts another host as living while its heartbeat is fresh, and an earlier boot as dead', async () => {
    await store.create('a')
    const folder = join(home, 'sessions', 'a')
    const lock = {
      held: true,
      token: 't',
      purpose: 'chat',
      pid: 1,
      startTime: '1',
      acquiredAt: new Date().toISOString(),
    }
    writeFileSync(join(folder, 'lock.1'), JSON.stringify({ ...lock, host: 'elsewhere', boot: 'b' }))
    expect(await takeLock(folder, 'test')).toMatchObject({ by: { host: 'elsewhere', token: 't' } })
    const told = statSync(join(folder, 'lock.1')).ctimeMs
    expect(await lockHolder(folder, told + 119_000)).not.toBeNull()
    expect(await lockHolder(folder, told + 121_000)).toBeNull()
    // A living process, so that only the boot id can tell.
    const living = { ...lock, ...thisProcess(), host: thisHost().host }
    writeFileSync(join(folder, 'lock.1'), JSON.stringify({ ...living, boot: thisHost().boot }))
    expect(await lockHolder(folder)).not.toBeNull()
    writeFileSync(join(folder, 'lock.1'), JSON.stringify({ ...living, boot: 'an earlier one' }))
    expect(await lockHolder(folder)).toBeNull()
  })

  it('takes away what takers that died left, and nothing of those at work', async () => {
    await store.create('a')
    const folder = join(home, 'sessions', 'a')
    const long = new Date(Date.now() - 3_600_000)
    for (const name of ['lock~left', 'lock~atwork']) writeFileSync(join(folder, name), '')
    utimesSync(join(folder, 'lock~left'), long, long)
    await (await store.open('a', 'test')).close()
    expect(readdirSync(folder).filter((name) => name.includes('~'))).toEqual(['lock~atwork'])
  })

  it.each(['', '{"held":', '[]', 'null', '{"held":true}'])(
    'does not stay for ever when its file is %j',
    async (text) => {
      await store.create('a')
      const folder = join(home, 'sessions', 'a')
      writeFileSync(join(folder, 'lock.7'), text)
      expect(await lockHolder(folder)).toBeNull()
      await (await store.open('a', 'test')).close()
    },
  )

  it.each(['a folder', 'a link to nothing', 'a named pipe'])('belongs to nobody when it is %s', async (kind) => {
    await store.create('a')
    const folder = join(home, 'sessions', 'a')
    const make: Record<string, (path: string) => void> = {
      'a folder': (path) => mkdirSync(path),
      'a link to nothing': (path) => symlinkSync('nowhere', path),
      'a named pipe': (path) => execFileSync('mkfifo', [path]),
    }
    make[kind]?.(join(folder, 'lock.3'))
    expect(await lockHolder(folder)).toBeNull()
    const session = await store.open('a', 'test')
    // Where it finds itself followed by another lock, its own has been overtaken.
    const above = Math.max(...readdirSync(folder).map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0))) + 1
    make[kind]?.(join(folder, `lock.${above}`))
    await expect(session.change({ title: 'mine' })).rejects.toMatchObject({ code: 'session_lost' })
    await session.close()
    await (await store.open('a', 'test')).close()
  })

  it.each(['9007199254740991', '99999999999999999999999'])('is refused where one has the number %s', async (number) => {
    await store.create('a')
    const folder = join(home, 'sessions', 'a')
    mkdirSync(join(folder, `lock.${number}`))
    await expect(store.open('a', 'test')).rejects.toMatchObject({
      code: 'session_damaged',
      message: expect.stringContaining(folder),
      next: expect.stringContaining(`remove the lock.N with that number from ${folder}`),
    })
    rmdirSync(join(folder, `lock.${number}`))
    await (await store.open('a', 'test')).close()
  })

  it('of a host whose clock is ahead ends when the file system hears no more of it', async () => {
    await store.create('a')
    const folder = join(home, 'sessions', 'a')
    const ahead = new Date(Date.now() + 3_600_000)
    const lock = { token: 't', purpose: 'chat', pid: 1, startTime: '1', acquiredAt: ahead.toISOString() }
    const file = join(folder, 'lock.1')
    writeFileSync(file, JSON.stringify({ held: true, ...lock, host: 'elsewhere', boot: 'b' }))
    utimesSync(file, ahead, ahead)
    const told = statSync(file).ctimeMs
    await expect(store.open('a', 'test')).rejects.toMatchObject({
      code: 'held',
      message: expect.stringContaining('process 1 on elsewhere, whose clock is ahead of this one, since'),
      next: expect.stringContaining('belay session unlock a'),
    })
    expect(await takeLock(folder, 'test', async () => told + 119_000)).toMatchObject({ by: { token: 't' } })
    expect(await lockHolder(folder, told + 121_000)).toBeNull()
    const taken = await takeLock(folder, 'test', async () => told + 121_000)
    expect(taken).toHaveProperty('release')
    if ('release' in taken) await taken.release()
  })

  it('of a host whose clock is behind lasts as long as the file system hears of it', async () => {
    await store.create('a')
    const folder = join(home, 'sessions', 'a')
    const behind = new Date(Date.now() - 3_600_000)
    const lock = { token: 't', purpose: 'chat', pid: 1, startTime: '1', acquiredAt: behind.toISOString() }
    const file = join(folder, 'lock.1')
    writeFileSync(file, JSON.stringify({ held: true, ...lock, host: 'elsewhere', boot: 'b' }))
    utimesSync(file, behind, behind)
    const told = statSync(file).ctimeMs
    await expect(store.open('a', 'test')).rejects.toMatchObject({ code: 'held' })
    expect(await lockHolder(folder, told + 119_000)).toMatchObject({ token: 't' })
    expect(await takeLock(folder, 'test', async () => told + 119_000)).toMatchObject({ by: { token: 't' } })
    expect(await lockHolder(folder, told + 121_000)).toBeNull()
    const taken = await takeLock(folder, 'test', async () => told + 121_000)
    expect(taken).toHaveProperty('release')
    if ('release' in taken) await taken.release()
  })

  it('that was broken is noticed by its former holder before it writes', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await session.history.append(1)
    const { holder } = await store.get('a')
    expect(await breakLock(session.folder, 'another token')).toBeNull()
    expect((await store.unlock('a'))?.token).toBe(holder?.token)
    expect(await store.unlock('a')).toBeNull()
    const next = await store.open('a', 'test')
    await expect(session.history.append(2)).rejects.toMatchObject({ code: 'session_lost' })
    await expect(session.change({ title: 'mine' })).rejects.toMatchObject({ code: 'session_lost' })
    await session.close()
    await next.history.append(3)
    expect(await next.history.load()).toEqual([1, 3])
    expect((await store.get('a')).holder?.token).toBe((await lockHolder(next.folder))?.token)
    await next.close()
  })
})
