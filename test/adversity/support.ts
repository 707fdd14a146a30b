import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { World } from '../support/world.ts'

/** The part of `belay status --json` that these tests read. */
export interface Status {
  readonly run: {
    readonly id: string
    readonly status: string
    readonly target: string | null
    readonly result_branch: string
    readonly landed: boolean | null
    readonly finish_command: string | null
    readonly reason: { readonly code: string; readonly message: string } | null
  } | null
  readonly tasks: readonly {
    readonly handle: string
    readonly status: string
    readonly phase: string | null
    readonly attempt: number
    readonly commit: string | null
    readonly branch: string | null
    readonly reason: { readonly code: string; readonly message: string } | null
  }[]
}

/** One gate run in `belay show --json`. */
export interface Shown {
  readonly gate: string
  readonly phase: string
  readonly attempt: number
  readonly argv: readonly string[]
  readonly exit_code: number | null
  readonly signal: string | null
  readonly timed_out: boolean
  readonly tree: string
  readonly result: string
  readonly counts: {
    readonly total: number
    readonly passed: number
    readonly failed: number
    readonly skipped: number
  } | null
  readonly counts_source: string | null
  readonly output_head: string
  readonly output_tail: string
}

/** The shape of an error with `--json`. */
export interface Failure {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly expected: string | null
    readonly received: string | null
    readonly next: string | null
  }
}

export async function status(world: World, ...args: readonly string[]): Promise<Status> {
  return world.json<Status>(['status', ...args])
}

/** What the gates saw, oldest first. */
export async function evidence(world: World, task: string): Promise<readonly Shown[]> {
  return (await world.json<{ evidence: readonly Shown[] }>(['show', task])).evidence
}

/** Evidence of the verify phase only. */
export async function verified(world: World, task: string): Promise<readonly Shown[]> {
  return (await evidence(world, task)).filter((one) => one.phase === 'verify')
}

/** Every event of the record, oldest first. */
export async function events(
  world: World,
): Promise<{ type: string; task: string | null; data: Record<string, unknown> }[]> {
  const { stdout, code, stderr } = await world.belay(['events', '--json'])
  expect(code, stderr).toBe(0)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { type: string; task: string | null; data: Record<string, unknown> })
}

/** Text of the n-th prompt (from 0) that a role was given. */
export function prompts(world: World, role: string): string[] {
  return world
    .requests()
    .filter((request) => request['role'] === role)
    .map((request) => String(request['prompt']))
}

/** Living processes that the world's runs started, by the mark in their environment. */
export function survivors(world: World): string[] {
  const found: string[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const environ = readFileSync(join('/proc', name, 'environ'), 'latin1')
      if (!environ.includes('\0BELAY_TASK=') && !environ.startsWith('BELAY_TASK=')) continue
      if (!environ.includes(world.dir)) continue
      if (/\) [ZX] /.test(readFileSync(join('/proc', name, 'stat'), 'latin1'))) continue
      found.push(`${name} ${readFileSync(join('/proc', name, 'cmdline'), 'latin1').replaceAll('\0', ' ')}`)
    } catch {
      continue // gone, or not ours to see
    }
  }
  return found
}

/** Bytes, modes and links of everything in the user's checkout, by path; `.git` only as far as it is asked for. */
export function checkout(
  world: World,
  skip: (path: string) => boolean = (path) => path === '.git',
): Record<string, string> {
  const seen: Record<string, string> = {}
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(world.repo, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (skip(path)) continue
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile()) {
        const file = join(world.repo, path)
        seen[path] = `${(statSync(file).mode & 0o777).toString(8)} ${readFileSync(file, 'latin1')}`
      } else seen[path] = entry.isSymbolicLink() ? 'link' : 'other'
    }
  }
  walk('')
  return seen
}

/** Nothing of the user's has changed: branch, commits, index and files. */
export function userState(world: World): Record<string, unknown> {
  return {
    head: world.git('rev-parse', 'HEAD'),
    branch: world.git('rev-parse', '--abbrev-ref', 'HEAD'),
    branches: world
      .git('for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads', 'refs/tags', 'refs/remotes', 'refs/stash')
      .split('\n')
      .filter((line) => !line.startsWith('refs/heads/belay/')),
    status: world.git('status', '--porcelain=v1'),
    staged: world.git('diff', '--cached'),
    files: checkout(world),
  }
}

/** Every landed commit holds exactly the tree that its evidence and its trailer name. */
export async function expectProven(world: World, ref = 'main'): Promise<void> {
  for (const commit of world.log(ref)) {
    const task = commit.trailers['Belay-Task']
    if (task === undefined) continue
    expect(commit.trailers['Belay-Tree']).toBe(commit.tree)
    const seen = await verified(world, `${commit.trailers['Belay-Run']}/${task}`)
    const gates = (commit.trailers['Belay-Gates'] ?? '').split('; ').filter((one) => one !== 'none')
    for (const gate of gates) {
      const name = gate.slice(0, gate.lastIndexOf('='))
      const last = seen.findLast((one) => one.gate === name)
      expect(last, name).toBeDefined()
      expect(last?.tree).toBe(commit.tree)
    }
  }
}

/** The task is blocked after its attempts; nothing landed and the user's checkout is as it was. */
export async function expectRefused(
  world: World,
  before: Record<string, unknown>,
  why: RegExp,
  task = 'prompt',
): Promise<void> {
  const now = await status(world)
  expect(now.run).toMatchObject({ status: 'blocked' })
  expect(now.run?.landed ?? false).toBe(false)
  const shown = now.tasks.find((one) => one.handle === task)
  expect(shown).toMatchObject({ status: 'blocked', commit: null, reason: { code: 'attempts_exhausted' } })
  expect(shown?.reason?.message).toMatch(why)
  expect(userState(world)).toEqual(before)
  expect(world.requests().filter((one) => one['role'] === 'reviewer')).toEqual([])
}
