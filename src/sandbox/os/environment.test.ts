import { expect, it } from 'vitest'
import { SYSTEM_PATH, outside, restored } from './environment.ts'

const OBEYED = ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'DYLD_INSERT_LIBRARIES', 'BASH_ENV', 'ENV', 'IFS', 'PATH']

it('what makes a sandbox obeys no variable of the program that it makes it for; the program has all of them', () => {
  const env = { HOME: '/h', LANG: 'C', ...Object.fromEntries(OBEYED.map((name) => [name, `/planted/${name}`])) }
  expect(outside(env)).toEqual({ HOME: '/h', LANG: 'C', PATH: SYSTEM_PATH })
  expect({ ...outside(env), ...Object.fromEntries(restored(env)) }).toEqual(env)
})

it('a program without a PATH has that of the system', () => {
  expect(restored({ HOME: '/h' })).toEqual([['PATH', SYSTEM_PATH]])
})
