import { appendFileSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { array, assert, asyncProperty, jsonValue } from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { freshHome, home, log, store } from './testing/home.ts'

freshHome()

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
