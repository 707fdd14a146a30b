import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { World, type Result } from './world.ts'

const AGENT = fileURLToPath(new URL('step-agent.mjs', import.meta.url))

/** What the agent does in one turn of a step; `{}` reports what it did and answers `{}`. */
export interface StepTurn {
  readonly files?: Readonly<Record<string, string | null>>
  readonly sh?: string
  /** Continues when this many steps have begun. */
  readonly meet?: number
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number; readonly cost_usd: number | null }
  readonly text?: string
  readonly error?: { readonly code: string; readonly message: string; readonly retry_at?: string | null }
  readonly hang?: boolean
  /** null: no answer at all. */
  readonly answer?: unknown
  readonly exit?: number
}

export interface Finished {
  readonly status: string
  readonly exit_code: number
  readonly output: unknown
  readonly reason: { readonly code: string; readonly message: string } | null
  readonly finish_command: string | null
}

type Value = Readonly<Record<string, unknown>>

/** A state that asks the scripted agent. */
export const agent = (id: string, more: Value = {}) => ({ id, type: 'agent', prompt: `Do ${id}.`, ...more })

/** A user with a repository that has one commit, a workflow, and a scripted agent for its steps. */
export class WorkflowWorld extends World {
  constructor(turns: Readonly<Record<string, readonly StepTurn[]>> = {}) {
    super()
    this.turns(turns)
    this.files({ 'README.md': 'hello\n' }).commit('first')
  }

  /** Replaces the agent's turns, by state or handle and then by call; the last one repeats. */
  turns(turns: Readonly<Record<string, readonly StepTurn[]>>): this {
    writeFileSync(join(this.agentDir, 'turns.json'), JSON.stringify(turns))
    return this
  }

  /** Writes flow.yaml with these states. */
  flow(states: readonly Value[], more: Value = {}): this {
    const command = [process.execPath, AGENT, this.agentDir]
    const file = { name: 'flow', agent: { command, timeout: '5m' }, states, ...more }
    writeFileSync(join(this.dir, 'flow.yaml'), stringify(file))
    return this
  }

  flowText(): string {
    return readFileSync(this.file, 'utf8')
  }

  /** Writes flow.yaml unchanged. */
  write(text: string): this {
    writeFileSync(this.file, text)
    return this
  }

  /** The text that a turn wrote to a file of `$AGENT_FOLDER`. */
  agentFile(name: string): string {
    return readFileSync(join(this.agentDir, name), 'utf8')
  }

  /** Creates a file in `$AGENT_FOLDER` for which a turn waits. */
  touch(name: string): void {
    writeFileSync(join(this.agentDir, name), '')
  }

  get file(): string {
    return join(this.dir, 'flow.yaml')
  }

  run(...flags: readonly string[]): Promise<Result> {
    return this.belay(['workflow', 'run', this.file, ...flags])
  }

  /** Handles of the agent's turns, in order. */
  asked(): string[] {
    return this.requests().map((request) => (request['task'] as { handle: string }).handle)
  }

  prompt(handle: string, call = 0): string {
    const own = this.requests().filter((request) => (request['task'] as { handle: string }).handle === handle)
    return String(own[call]?.['prompt'])
  }

  /** Beginnings and ends of turns, in order. */
  timeline(): { readonly what: 'begin' | 'end'; readonly handle: string }[] {
    const file = join(this.agentDir, 'timeline.jsonl')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { what: 'begin' | 'end'; handle: string })
  }

  async steps(): Promise<
    Record<string, { status: string; phase: string | null; reason: Value | null; attempt: number }>
  > {
    const view = await this.json<{ tasks: { handle: string; status: string }[] }>(['status'])
    return Object.fromEntries(view.tasks.map((task) => [task.handle, task])) as never
  }

  async statuses(): Promise<Record<string, string>> {
    return Object.fromEntries(Object.entries(await this.steps()).map(([handle, step]) => [handle, step.status]))
  }

  /** Resolves when `is` returns true. */
  async until(is: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 150_000
    while (!(await is())) {
      if (Date.now() > deadline) throw new Error('it did not come to that')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** The data of the last line printed with `--json`. */
export function finished({ stdout, stderr }: Result): Finished {
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? 'null') as { type: string; data: Finished } | null
  if (last?.type !== 'run.finished') throw new Error(`the last line is no run.finished:\n${stdout}\n${stderr}`)
  return last.data
}
