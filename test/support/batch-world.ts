import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { World, type Result, type Turn } from './world.ts'

const AGENT = fileURLToPath(new URL('batch-agent.mjs', import.meta.url))

/** The keys of the batch file, and the file's path. */
export interface BatchOptions {
  readonly file?: string
  readonly [key: string]: unknown
}

/** A user with files and a batch whose agent answers `{summary: CONTENT}`, or does what its turns for a path (`*`: any) say. */
export class BatchWorld extends World {
  constructor(turns: Readonly<Record<string, readonly Turn[]>> = {}) {
    super()
    this.turns(turns)
  }

  /** Replaces the agent's turns, by file and then by call; the last one repeats. */
  turns(turns: Readonly<Record<string, readonly Turn[]>>): void {
    const done = Object.fromEntries(
      this.asked().map((path) => [path, this.asked().filter((one) => one === path).length]),
    )
    writeFileSync(join(this.agentDir, 'turns.json'), JSON.stringify({ turns, done }))
  }

  /** Writes the batch file. */
  batch({ file = 'batch.yaml', ...more }: BatchOptions = {}): this {
    const config = {
      provider: 'command',
      command: [process.execPath, AGENT, this.agentDir, this.repo],
      prompt: 'Sum it up.',
      schema: {
        type: 'object',
        properties: { summary: { type: 'string' }, note: { type: 'string' } },
        required: ['summary'],
        additionalProperties: false,
      },
      exclude: ['batch.yaml', 'other.yaml'],
      ...more,
    }
    return this.files({ [file]: stringify(config) })
  }

  run(...flags: readonly string[]): Promise<Result> {
    return this.belay(['batch', '--config', 'batch.yaml', ...flags])
  }

  results(): Record<string, unknown> {
    return JSON.parse(this.read('results.json')) as Record<string, unknown>
  }

  /** Files that the agent was asked about, in order, including re-asks. */
  asked(): string[] {
    return this.requests().map((request) => (request['task'] as { handle: string }).handle)
  }

  /** What the agent saw in its folder, over all turns. */
  seen(): string[] {
    const file = join(this.agentDir, 'seen.jsonl')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => JSON.parse(line) as string[])
  }

  /** Resolves when `is` returns true. */
  async until(is: () => boolean): Promise<void> {
    const deadline = Date.now() + 150_000
    while (!is()) {
      if (Date.now() > deadline) throw new Error('it did not come to that')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** The data of the last line printed with `--json`. */
export function finished({ stdout }: Result): Record<string, unknown> {
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { type: string; data: Record<string, unknown> }
  if (last.type !== 'run.finished') throw new Error(`the last line is ${last.type}`)
  return last.data
}
