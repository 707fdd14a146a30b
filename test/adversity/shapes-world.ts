import { execFileSync } from 'node:child_process'
import { afterEach, expect } from 'vitest'
import { World, type Result, type Scenario, type Turn } from '../support/world.ts'
import { status } from './support.ts'

export let world: World
afterEach(() => world.dispose())

export function start(scenario: Scenario): World {
  world = new World(scenario)
  return world
}

export function turn(does: Turn): Scenario {
  return { implementer: { '*': [does] } }
}

export async function run(
  args: readonly string[] = [],
  options: { readonly cwd?: string; readonly code?: number } = {},
): Promise<Result> {
  const result = await world.belay(['run', ...args], options.cwd === undefined ? {} : { cwd: options.cwd })
  expect(result.code, result.stdout + result.stderr).toBe(options.code ?? 0)
  return result
}

/** The command that the user was given to finish with. */
export async function finish(): Promise<string> {
  const { run: shown } = await status(world)
  expect(shown).toMatchObject({ status: 'done', landed: false })
  return shown?.finish_command ?? ''
}

export function shell(command: string): string {
  return execFileSync('/bin/bash', ['-c', command], { cwd: world.dir, env: world.env, encoding: 'utf8' })
}
