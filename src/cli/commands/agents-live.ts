import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentEnvironment } from '../../agents/environment.ts'
import type { Agent } from '../../agents/port.ts'
import { ALONE, takeTurn } from '../../agents/turn.ts'
import type { RoleConfig } from '../../config/index.ts'
import { randomId } from '../../core/ids.ts'
import type { Io } from '../io.ts'

const PROMPT = 'Answer with the one word: ready. Use no tools.'
const LIMITS = { timeoutMs: 120_000, stallMs: 60_000 }

/** The result of one real turn. */
export interface LiveView {
  readonly ok: boolean
  /** The agent's answer, or why there is none. */
  readonly text: string
  readonly model: string | null
  readonly duration_ms: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number | null
}

/** Takes one short real turn in an empty folder, read-only, within two minutes. It may cost money. */
export async function liveTurn(
  io: Io,
  agent: Agent,
  role: RoleConfig | undefined,
  signal: AbortSignal,
): Promise<LiveView> {
  const cwd = mkdtempSync(join(tmpdir(), 'belay-probe-'))
  const started = performance.now()
  try {
    const { outcome, model, usage } = await takeTurn(
      agent,
      {
        role: 'batch',
        prompt: PROMPT,
        outputSchema: null,
        cwd,
        env: agentEnvironment(io.env, role?.env),
        model: role?.model ?? null,
        effort: role?.effort ?? null,
        access: 'read-only',
        command: role?.command ?? null,
        resume: null,
        task: { handle: 'probe', title: 'probe' },
        attempt: 1,
        run: 'probe',
        mark: `probe/${randomId(10)}`,
        ...ALONE,
      },
      LIMITS,
      signal,
      () => Promise.resolve(),
    )
    const text =
      outcome.status === 'completed'
        ? outcome.text
        : outcome.status === 'failed'
          ? `${outcome.error.code}: ${outcome.error.message}`
          : outcome.status
    return {
      ok: outcome.status === 'completed',
      text,
      model,
      duration_ms: Math.round(performance.now() - started),
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cost_usd: usage.costUsd,
    }
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}
