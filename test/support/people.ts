import { expect } from 'vitest'
import type { World } from './world.ts'

/** The part of `status --json` that these tests read. */
export interface Status {
  readonly run: {
    readonly id: string
    readonly status: string
    readonly landed: boolean | null
    readonly result_branch: string
    readonly reason: { readonly code: string; readonly message: string } | null
  }
  readonly tasks: readonly TaskStatus[]
}

export interface TaskStatus {
  readonly handle: string
  readonly title: string
  readonly status: string
  readonly phase: string | null
  readonly attempt: number
  readonly commit: string | null
  readonly reason: { readonly code: string; readonly message: string } | null
}

export interface Question {
  readonly id: string
  readonly task: string
  readonly kind: string
  readonly status: string
  readonly options: readonly string[]
  readonly answer: string | null
  readonly note: string | null
}

export interface EventLine {
  readonly seq: number
  readonly time: string
  readonly type: string
  readonly task: string | null
  readonly session: string | null
  readonly actor: string
  readonly data: Record<string, unknown>
}

export async function status(world: World, run?: string): Promise<Status> {
  return world.json<Status>(run === undefined ? ['status'] : ['status', run])
}

export async function task(world: World, handle: string): Promise<TaskStatus> {
  const found = (await status(world)).tasks.find((one) => one.handle === handle)
  if (!found) throw new Error(`no task ${handle}`)
  return found
}

/** Handles and statuses, e.g. `T001 done, T002 blocked`. */
export async function tasks(world: World): Promise<string> {
  return (await status(world)).tasks.map((one) => `${one.handle} ${one.status}`).join(', ')
}

/** The only open checkpoint. */
export async function question(world: World): Promise<Question> {
  const { checkpoints } = await world.json<{ checkpoints: Question[] }>(['checkpoints'])
  expect(checkpoints).toHaveLength(1)
  const [only] = checkpoints
  if (!only) throw new Error('no question is open')
  return only
}

export async function events(world: World, type = '*'): Promise<EventLine[]> {
  const { stdout } = await world.belay(['events', '--json', '--type', type])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EventLine)
}

/** The prompts given to the agents of a role, in order. */
export function prompts(world: World, role: 'implementer' | 'reviewer', handle?: string): string[] {
  return world
    .requests()
    .filter((request) => request['role'] === role)
    .filter((request) => handle === undefined || (request['task'] as { handle: string }).handle === handle)
    .map((request) => String(request['prompt']))
}

/** The error printed by a command with --json. */
export async function refusal(
  world: World,
  args: readonly string[],
): Promise<{ code: number | null; error: Record<string, string | null> }> {
  const result = await world.belay([...args, '--json'])
  const last = result.stdout.trimEnd().split('\n').at(-1) ?? ''
  const { error } = JSON.parse(last) as { error?: Record<string, string | null> }
  if (!error) throw new Error(`belay ${args.join(' ')} was not refused: ${last}`)
  return { code: result.code, error }
}

/** Polls until `look` returns a value, every few hundredths of a second; for what another process does. */
export async function eventually<T>(
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
): Promise<T> {
  const until = Date.now() + 150_000
  for (;;) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found
    if (Date.now() > until) throw new Error(`it did not happen within 150 s: ${look.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
