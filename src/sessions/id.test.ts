import { describe, expect, it } from 'vitest'
import { isSessionId } from './id.ts'
import { freshHome, store } from './testing/home.ts'

freshHome()

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
