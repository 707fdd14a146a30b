import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { afterEach, expect } from 'vitest'
import { World, type Result, type Scenario } from '../support/world.ts'
import { userState, type Failure } from './support.ts'

export let world: World
export const mounts: string[] = []
afterEach(() => {
  for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount])
  world.dispose()
})

export const GOOD: Scenario = { implementer: { '*': [{ files: { 'new.txt': 'new\n' } }] } }

export function start(scenario: Scenario = GOOD): World {
  world = new World(scenario)
  return world
}

export function ready(more = ''): World {
  return start().files({ 'a.txt': 'a\n' }).config(more).commit()
}

export type Options = { readonly cwd?: string; readonly env?: Record<string, string>; readonly input?: string }

export function errorOf(result: Result): Failure['error'] {
  const last = result.stdout.trimEnd().split('\n').at(-1) ?? ''
  return (JSON.parse(last) as Failure).error
}

/**
 * The command is refused: exit status, stable code and a way out, as JSON and for people; nothing is stored, no agent was
 * started, and nothing of the user's has changed.
 */
export async function refused(
  args: readonly string[],
  code: string,
  options: Options & { readonly exit?: number } = {},
): Promise<Failure['error']> {
  const { exit = 2, ...rest } = options
  const before = stored()
  const json = await world.belay([...args, '--json'], rest)
  expect(json.code, json.stdout + json.stderr).toBe(exit)
  const error = errorOf(json)
  expect(error.code, error.message).toBe(code)
  expect(Object.keys(error).sort()).toEqual(['code', 'expected', 'message', 'next', 'received'])
  expect(error.next, error.message).toEqual(expect.any(String))
  expect(json.stdout.trimEnd().split('\n')).toHaveLength(1)
  const plain = await world.belay(args, rest)
  expect(plain.code).toBe(exit)
  expect(plain.stdout).toBe('')
  expect(plain.stderr).toContain(`[${code}]`)
  expect(plain.stderr).toContain('next:')
  expect(plain.stderr).not.toMatch(/\n\s+at .*\.js:\d+/)
  expect(world.requests()).toEqual([])
  expect(stored()).toEqual(before)
  return error
}

/** The user's state, and what Belay has stored. */
export function stored(): unknown {
  const inRepository =
    spawnSync('git', ['status'], { cwd: world.repo, env: world.env }).status === 0 && world.git('for-each-ref') !== ''
  const branches = inRepository
    ? world.git('for-each-ref', '--format=%(refname)', 'refs/heads/belay', 'refs/belay')
    : ''
  return {
    user: inRepository ? userState(world) : null,
    branches,
    home: existsSync(world.home) ? readdirSync(world.home).filter((name) => !name.startsWith('belay.db')) : [],
  }
}
