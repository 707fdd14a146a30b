import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SessionStore } from './store.ts'
import { freshHome, home, store } from './testing/home.ts'
import { exportSession, importSession } from './transfer.ts'

freshHome()

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
