import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { array, assert, asyncProperty, jsonValue } from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { thisHost, thisProcess } from '../process/index.ts'
import { breakLock, lockHolder, takeLock } from './lock.ts'
import { SessionStore, exportSession, importSession, isSessionId } from './index.ts'

const HOLD = fileURLToPath(new URL('testing/hold.ts', import.meta.url))

let home: string
let store: SessionStore
const children: ChildProcess[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'belay-sessions-'))
  store = new SessionStore(home)
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  rmSync(home, { recursive: true, force: true })
})

/** Another process that opens the session. */
function other(id: string) {
  const child = spawn(process.execPath, [HOLD, home, id], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    says: async (): Promise<string> => String((await lines.next()).value),
    tell: (line: string): void => void child.stdin.write(`${line}\n`),
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

const log = (id: string): string => join(home, 'sessions', id, 'session.jsonl')

describe('session ids', () => {
  it.each(['a', 'A.b-c_9', '...x', '20261121-101500-k3x9pf', 'x'.repeat(100)])('%s is one', (id) => {
    expect(isSessionId(id)).toBe(true)
  })
  it.each(['', '.', '..', '...', '-x', 'a/b', '/a', '../a', 'a b', 'a\n', 'a\0', 'é', '~x', 'x'.repeat(101)])(
    '%j is none, and leads nowhere',
    async (id) => {
      expect(isSessionId(id)).toBe(false)
      for (const use of [store.find(id), store.create(id), store.remove(id, true), store.open(id, 'test')])
        await expect(use).rejects.toMatchObject({ code: 'session_id_invalid', exit: 2 })
    },
  )
})

describe('a session', () => {
  it('keeps what was appended, in order and unchanged, over processes', async () => {
    await assert(
      asyncProperty(array(jsonValue()), async (values) => {
        const id = `s${Math.random()}`
        await store.create(id)
        const session = await store.open(id, 'test')
        for (const value of values) await session.history.append(value)
        await session.close()
        const again = await store.open(id, 'test')
        expect(await again.history.load()).toEqual(JSON.parse(JSON.stringify(values)))
        await again.close()
      }),
      { numRuns: 15 },
    )
  })

  it('begins anew after `cleared`, and loses nothing by it', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await session.history.append(1)
    await session.append({ type: 'native', provider: 'codex', native: 'n-1', cwd: '/w' })
    expect(session.native('codex', '/w')).toBe('n-1')
    expect(session.native('codex', '/elsewhere')).toBeNull()
    expect(session.native('claude', '/w')).toBeNull()
    await session.append({ type: 'cleared' })
    await session.history.append(2)
    expect(await session.history.load()).toEqual([2])
    expect(session.native('codex', '/w')).toBeNull()
    await session.close()
    expect((await store.read('a')).entries.map(({ type }) => type)).toEqual(['history', 'native', 'cleared', 'history'])
  })

  it('is made once, and found by its near name when mistyped', async () => {
    await store.create('deploy')
    await expect(store.create('deploy')).rejects.toMatchObject({ code: 'session_exists' })
    await expect(store.get('deplyo')).rejects.toMatchObject({ code: 'session_unknown', next: 'did you mean deploy?' })
    writeFileSync(join(home, 'sessions', 's-abc.jsonl'), 'frames of a run\n')
    await expect(store.create('s-abc.jsonl')).rejects.toMatchObject({ code: 'session_exists' })
    expect((await store.list()).map(({ meta }) => meta.id)).toEqual(['deploy'])
    expect(readdirSync(join(home, 'sessions')).filter((name) => name.startsWith('~'))).toEqual([])
  })

  it('drops a torn last line, says so, and goes on', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await session.history.append('whole')
    await session.close()
    appendFileSync(log('a'), '{"time":"2026-11-21T10:00:00.000Z","type":"history","en')
    expect((await store.read('a')).torn).toBe(55)
    const again = await store.open('a', 'test')
    expect(again.torn).toBe(55)
    await again.history.append('next')
    await again.close()
    const last = await store.open('a', 'test')
    expect([last.torn, await last.history.load()]).toEqual([0, ['whole', 'next']])
    await last.close()
  })

  it('drops a last line whose content a power cut lost', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await session.history.append('whole')
    await session.close()
    appendFileSync(log('a'), `${'\0'.repeat(40)}\n`)
    const again = await store.open('a', 'test')
    expect([again.torn, await again.history.load()]).toEqual([41, ['whole']])
    await again.close()
    expect(readFileSync(log('a'), 'utf8')).not.toContain('\0')
  })

  it('takes back half a line that the disk had no room for, and goes on when there is', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await session.history.append('whole')
    const before = readFileSync(log('a'), 'utf8')
    const handle = await open(log('a'))
    const files = Object.getPrototypeOf(handle) as typeof handle
    await handle.close()
    const write = files.write
    const full = vi.spyOn(files, 'write')
    full.mockImplementationOnce(function (this: typeof handle, line: unknown) {
      return write.call(this, (line as Buffer).subarray(0, 20) as never) as never
    })
    full.mockImplementationOnce(() => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' })))
    await expect(session.history.append('half')).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(full).toHaveBeenCalledTimes(2)
    full.mockRestore()
    expect(readFileSync(log('a'), 'utf8')).toBe(before)
    await session.history.append('next')
    await session.close()
    const again = await store.open('a', 'test')
    expect([again.torn, await again.history.load()]).toEqual([0, ['whole', 'next']])
    await again.close()
  })

  it('is not guessed at when it is damaged or newer', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await session.history.append(1)
    await session.close()
    const whole = readFileSync(log('a'), 'utf8')
    writeFileSync(log('a'), whole.replace('\n', '\nrubbish\n'))
    await expect(store.open('a', 'test')).rejects.toMatchObject({ code: 'session_damaged' })
    await expect(store.read('a')).rejects.toThrow('line 2 of')
    writeFileSync(log('a'), whole.replace('"schema":1', '"schema":2'))
    await expect(store.open('a', 'test')).rejects.toMatchObject({ code: 'session_newer' })
    truncateSync(log('a'), 0)
    await expect(store.read('a')).rejects.toMatchObject({ code: 'session_damaged' })
    expect((await store.get('a')).holder).toBeNull()
  })
})

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
    expect(await lockHolder(folder, Date.now() + 119_000)).not.toBeNull()
    expect(await lockHolder(folder, Date.now() + 121_000)).toBeNull()
    // A process that lives, so that its boot alone tells.
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
    // Where it is the one after a lock, that lock is overtaken.
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

describe('removal', () => {
  it('of a session that was opened a moment ago disturbs nobody', async () => {
    // What its lock tidies away goes on beside it: who wins varies.
    for (let round = 0; round < 100; round += 1) {
      const { id } = await store.create(`s${round}`)
      const folder = join(home, 'sessions', id)
      const lock = await takeLock(folder, 'delete')
      renameSync(folder, join(home, 'sessions', `~${id}`))
      if ('forget' in lock) lock.forget()
    }
  })

  it('of a session that somebody else is about to use is told to him as that', async () => {
    const uses: Record<string, () => Promise<unknown>> = {
      open: () => store.open('a', 'test'),
      read: () => store.read('a'),
      remove: () => store.remove('a', false),
      force: () => store.remove('a', true),
    }
    for (const [name, use] of Object.entries(uses)) {
      await store.create('a')
      const found = await store.get('a')
      // Between the look at it and what is done with it.
      const get = vi.spyOn(store, 'get').mockImplementationOnce(async () => {
        rmSync(join(home, 'sessions', 'a'), { recursive: true })
        return found
      })
      await expect(use(), name).rejects.toMatchObject({ code: 'session_unknown' })
      get.mockRestore()
    }
    expect(await lockHolder(join(home, 'sessions', 'a'))).toBeNull()
  })

  it('is decided when nobody can work in it any more, and what is against it keeps it', async () => {
    await store.create('a')
    const check = async (): Promise<void> => {
      await expect(store.open('a', 'test')).rejects.toMatchObject({ code: 'held' })
      throw new Error('it is worth keeping')
    }
    await expect(store.remove('a', false, check)).rejects.toThrow('worth keeping')
    expect(await store.get('a')).toMatchObject({ holder: null })
    await store.remove('a', false, async ({ id }) => expect(id).toBe('a'))
    expect(await store.find('a')).toBeNull()
  })

  it('of one that came to nothing leaves it to who works in it by now', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await store.takeBack('a')
    await session.close()
    expect(await store.get('a')).toMatchObject({ holder: null })
    await store.takeBack('a')
    await store.takeBack('a')
    expect(await store.find('a')).toBeNull()
  })

  it('refuses what is in use, unless forced; and a session of the same name is another one', async () => {
    await store.create('a')
    const session = await store.open('a', 'test')
    await expect(store.remove('a', false)).rejects.toMatchObject({ code: 'held' })
    await store.remove('a', true)
    expect(await store.find('a')).toBeNull()
    await store.create('a')
    const next = await store.open('a', 'test')
    await expect(session.change({ title: 'old' })).rejects.toMatchObject({ code: 'session_lost' })
    await session.close()
    expect((await store.get('a')).holder?.token).toBe((await lockHolder(next.folder))?.token)
    await next.history.append('new')
    await next.close()
    expect((await store.read('a')).entries).toHaveLength(1)
  })
})

describe('a session that was made anew', () => {
  it('is not touched by who held the one before, whatever numbers the file system gives its files', async () => {
    for (let round = 0; round < 30; round += 1) {
      await store.create('a')
      const before = await store.open('a', 'test')
      await store.remove('a', true)
      await store.create('a')
      const next = await store.open('a', 'test')
      await expect(before.change({ title: 'old' })).rejects.toMatchObject({ code: 'session_lost' })
      await before.close()
      await next.change({ title: 'new' })
      await next.close()
      await store.remove('a', false)
    }
  })
})

describe('what was cut off', () => {
  it('is swept away when it is old; what is being made or removed now is left', async () => {
    await store.create('a')
    const root = join(home, 'sessions')
    const long = new Date(Date.now() - 7_200_000)
    for (const name of ['~half', '~atwork']) mkdirSync(join(root, name))
    utimesSync(join(root, '~half'), long, long)
    utimesSync(join(root, 'a'), long, long)
    expect(await store.sweep()).toBe(1)
    expect(readdirSync(root).sort()).toEqual(['a', '~atwork'])
  })
})

describe('export and import', () => {
  it('round-trips every line', async () => {
    await store.create('a', { title: 'first', provider: 'codex' })
    const session = await store.open('a', 'test')
    await session.append({
      type: 'turn',
      turn: 1,
      prompt: 'é "x"\n',
      agent: { provider: 'codex', model: null },
      cwd: '/w',
    })
    await session.history.append({ deep: [1, null, { text: '\u2028' }] })
    await session.close()
    const text = await exportSession(store, 'a')
    const elsewhere = new SessionStore(join(home, 'other'))
    const made = await importSession(elsewhere, text, null)
    expect(made).toMatchObject({ id: 'a', title: 'first', provider: 'codex', turns: 1 })
    expect((await elsewhere.read('a')).entries).toEqual((await store.read('a')).entries)
    const body = (all: string): string => all.slice(all.indexOf('\n'))
    expect(body(await exportSession(elsewhere, 'a'))).toBe(body(text))
    await expect(importSession(store, text, null)).rejects.toMatchObject({ code: 'session_exists' })
    expect(await importSession(store, text, 'b')).toMatchObject({ id: 'b' })
  })

  it.each(['', '{}\n', 'no json', '{"type":"session"}', '{"type":"session","schema":1,"id":"../x"}\n'])(
    'refuses %j',
    async (text) => {
      await expect(importSession(store, text, null)).rejects.toMatchObject({
        code: expect.stringMatching(/^session_(damaged|id_invalid)$/),
      })
      expect(await store.list()).toEqual([])
    },
  )
})
