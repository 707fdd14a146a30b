import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import type fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { thisHost, thisProcess } from '../process/index.ts'
import { alone } from './alone.ts'

const hooks = { read: async (_file: string): Promise<void> => {}, link: (_to: string): void => {} }
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    readFile: async (file: string, encoding: 'utf8') => {
      const text = await real.readFile(file, encoding)
      await hooks.read(file)
      return text
    },
    link: (from: string, to: string) => {
      hooks.link(to)
      return real.link(from, to)
    },
  }
})

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-alone-'))
  path = join(folder, 'state.json')
})
afterEach(() => {
  hooks.read = async () => {}
  hooks.link = () => {}
  rmSync(folder, { recursive: true })
})

const DEAD = JSON.stringify({ ...thisHost(), pid: thisProcess().pid, startTime: 'long ago', nonce: 'a' })

/** Waits inside `alone` until released, and knows how many are in there at once. */
let inside = 0
function stay() {
  const [entered, leave] = [Promise.withResolvers<number>(), Promise.withResolvers<void>()]
  const done = alone(path, async () => {
    entered.resolve((inside += 1))
    await leave.promise
    inside -= 1
  })
  return { entered: entered.promise, leave: leave.resolve, done }
}

it('lets one in when several found the lock of one that died, however late they act on it', async () => {
  writeFileSync(`${path}.lock`, DEAD)
  const [found, act] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let looks = 0
  hooks.read = async (file) => {
    if (file !== `${path}.lock` || (looks += 1) > 1) return
    found.resolve()
    await act.promise
  }
  const late = stay()
  await found.promise
  const first = stay()
  expect(await first.entered).toBe(1)
  // The late one acts now. Meanwhile a third one tries.
  const tried = Promise.withResolvers<void>()
  hooks.read = (file) => (file.startsWith(`${path}.lock.`) ? tried.promise : Promise.resolve())
  let links = 0
  hooks.link = (to) => {
    if (to === `${path}.lock` && (links += 1) > 10) tried.resolve()
  }
  act.resolve()
  const third = stay()
  await Promise.race([third.entered, tried.promise])
  tried.resolve()
  expect(inside).toBe(1)
  for (const one of [first, late, third]) one.leave()
  await Promise.all([first.done, late.done, third.done])
  expect(inside).toBe(0)
  expect(await alone(path, async () => readdirSync(folder).filter((name) => !name.includes('.lock')))).toEqual([])
})

it('goes on when the one that was to remove a dead lock died, too', async () => {
  writeFileSync(`${path}.lock`, DEAD)
  // It died while breaking the lock; this is found by the file that it would have linked there.
  const die = new Error('killed')
  hooks.link = (to) => {
    if (!to.includes('.broken-')) return
    writeFileSync(to, DEAD.replace('"a"', '"b"'))
    hooks.link = () => {}
  }
  await expect(
    alone(path, async () => {
      throw die
    }),
  ).rejects.toBe(die)
  expect(readdirSync(folder)).toEqual([])
})
