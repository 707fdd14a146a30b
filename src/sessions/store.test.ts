import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { lockHolder, takeLock } from './lock.ts'
import { freshHome, home, store } from './testing/home.ts'

freshHome()

describe('removal', () => {
  it('of a session that was opened a moment ago disturbs nobody', async () => {
    // Removing old lock files happens in parallel with this, so the order varies.
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
      // Between checking the session and acting on it.
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
