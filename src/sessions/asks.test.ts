import fs, { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answerAsk, askInSession, openAsks, type Ask } from './asks.ts'
import type { Session } from './session.ts'
import { SessionStore } from './store.ts'

/** The error code with which watching a folder fails; null: it works. */
let refused: string | null = null
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const watch = (...given: Parameters<typeof fs.watch>): fs.FSWatcher => {
    if (refused !== null) throw Object.assign(new Error(`${refused}: watch`), { code: refused })
    return real.watch(...given)
  }
  return { ...real, default: { ...real, watch }, watch }
})

const LONG_MS = 600_000

let home: string
let store: SessionStore
let session: Session
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'belay-asks-'))
  store = new SessionStore(home)
  await store.create('s')
  session = await store.open('s', 'test')
})
afterEach(async () => {
  refused = null
  await session.close()
  rmSync(home, { recursive: true, force: true })
})

const folder = (): string => join(home, 'sessions', 's', 'asks')

/** Asks, and returns once the question is there. */
async function ask(expiresAt = Date.now() + LONG_MS, signal = new AbortController().signal) {
  const stands = Promise.withResolvers<Ask>()
  const answered = askInSession(session, { question: 'may it?', context: {} }, expiresAt, signal, stands.resolve)
  answered.catch(() => {}) // handled by whoever awaits it
  return { answered, question: await stands.promise }
}

it.each(['ENOSPC', 'EMFILE'])(
  'is asked and answered also where no folder can be watched any more (%s)',
  async (code) => {
    refused = code
    const { answered, question } = await ask()
    await answerAsk(store, question.id, 'allow', null)
    expect(await answered).toMatchObject({ value: 'allow' })
  },
)

it('a question stands until its first answer, which is the one that counts', async () => {
  const { answered, question } = await ask()
  expect(await openAsks(store)).toEqual([question])
  await expect(answerAsk(store, question.id, 'perhaps', null)).rejects.toMatchObject({
    code: 'answer_invalid',
    expected: 'allow, always, deny',
  })
  const said = await Promise.allSettled([
    answerAsk(store, question.id, 'allow', 'go'),
    answerAsk(store, question.id, 'deny', null),
  ])
  const counted = said.filter((one) => one.status === 'fulfilled' && one.value !== null)
  expect(counted).toHaveLength(1)
  expect(await answered).toMatchObject(said[0] === counted[0] ? { value: 'allow', note: 'go' } : { value: 'deny' })
  expect(await openAsks(store)).toEqual([])
  expect(readdirSync(folder())).toEqual([`${question.id}.answer`])
  expect(await answerAsk(store, question.id, 'allow', null)).toBeNull()
})

it('a question whose time is over is nobody’s to answer, also while its asker sleeps', async () => {
  const late = { id: 'cp-late', session: 's', question: 'q', context: {}, createdAt: new Date(0).toISOString() }
  const { question, answered } = await ask()
  writeFileSync(join(folder(), 'cp-late.json'), JSON.stringify({ ...late, expiresAt: new Date(1).toISOString() }))
  expect(await openAsks(store)).toEqual([question])
  expect(await answerAsk(store, 'cp-late', 'allow', null)).toBeNull()
  await answerAsk(store, question.id, 'deny', null)
  expect(await answered).toMatchObject({ value: 'deny' })
  expect(await (await ask(Date.now() + 1)).answered).toBeNull()
})

it('a question ends with the turn that asked it', async () => {
  const stop = new AbortController()
  const { answered } = await ask(undefined, stop.signal)
  stop.abort(new Error('the turn is over'))
  await expect(answered).rejects.toThrow('the turn is over')
  expect(await openAsks(store)).toEqual([])
})

it('a question of a holder that died is not shown, cannot be answered, and goes when the session is taken up', async () => {
  const { question } = await ask()
  await store.unlock('s')
  expect(await openAsks(store)).toEqual([])
  expect(await answerAsk(store, question.id, 'allow', null)).toBeNull()
  const next = await store.open('s', 'test')
  expect(await openAsks(store)).toEqual([])
  await next.close()
})
