import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import { World, type Result, type Scenario, type Turn } from '../support/world.ts'
import { expectProven, status, survivors } from './support.ts'

export let world: World
afterEach(() => {
  expect(survivors(world)).toEqual([])
  world.dispose()
})

/** Puts another world in its place. */
export function use(fresh: World): void {
  world = fresh
}

export const GATE = 'verify:\n  commands: [{run: "! grep -rqs bad good.txt", name: good}]\n'
export const GOOD: Turn = { files: { 'good.txt': 'good\n' } }

/** A repository whose agent does these turns, call by call (the last one repeats), for a prompt. */
export function start(
  turns: readonly Turn[],
  more: { readonly config?: string; readonly reviewer?: readonly Turn[] } = {},
): World {
  const scenario: Scenario = { byCall: true, implementer: { '*': turns }, reviewer: { '*': more.reviewer ?? [{}] } }
  world = new World(scenario)
  return world
    .files({ 'a.txt': 'a\n', 'sub/b.txt': 'b\n' })
    .config(`${more.config ?? ''}${GATE}`)
    .commit()
}

export async function run(code: number, ...args: readonly string[]): Promise<Result> {
  const result = await world.belay(['run', 'Do some good', ...args])
  expect(result.code, result.stdout + result.stderr).toBe(code)
  return result
}

export async function task(): Promise<{ status: string; attempt: number; code: string | undefined; message: string }> {
  const [one] = (await status(world)).tasks
  return {
    status: one?.status ?? '',
    attempt: one?.attempt ?? 0,
    code: one?.reason?.code,
    message: one?.reason?.message ?? '',
  }
}

/** The change landed as one commit that holds exactly these paths, and nothing of the user's is otherwise touched. */
export async function expectLanded(...paths: readonly string[]): Promise<void> {
  expect((await status(world)).run).toMatchObject({ status: 'done', landed: true })
  expect(world.log()).toHaveLength(2)
  expect(world.git('diff', '--name-only', 'HEAD~1').split('\n')).toEqual([...paths].sort())
  expect(world.git('status', '--porcelain')).toBe('')
  await expectProven(world)
}

/** Files that decide what git does: as they are now. */
export function gitFiles(): Record<string, string> {
  const seen: Record<string, string> = {}
  for (const name of ['config', 'info/attributes', 'info/exclude', 'HEAD']) {
    const file = join(world.repo, '.git', name)
    if (existsSync(file)) seen[name] = readFileSync(file, 'utf8')
  }
  for (const name of readdirSync(join(world.repo, '.git', 'hooks')))
    seen[`hooks/${name}`] = readFileSync(join(world.repo, '.git', 'hooks', name), 'utf8')
  return seen
}

export const limits = (stall: string, timeout: string): string[] => [
  '--set',
  `workflow.roles.implementer.stall=${stall}`,
  '--set',
  `workflow.roles.implementer.timeout=${timeout}`,
]
