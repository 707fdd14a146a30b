import { BelayError } from '../core/errors.ts'

/** The environment variable that says how many Belays a process has above it. */
export const DEPTH = 'BELAY_DEPTH'

/** How deep Belays may be in one another: an agent's agent may still ask one. */
const MAX_DEPTH = 3

type Environment = Readonly<Record<string, string | undefined>>

/** How many Belays stand around a process with this environment; 0: none. */
export function depthOf(env: Environment): number {
  const depth = Number(env[DEPTH] ?? 0)
  return Number.isInteger(depth) && depth > 0 ? depth : 0
}

/** Agents that start agents do so only so far: throws `nested_too_deep`. */
export function refuseDeep(env: Environment): void {
  const depth = depthOf(env)
  if (depth < MAX_DEPTH) return
  throw new BelayError(
    'nested_too_deep',
    `this command runs inside ${depth} nested Belays, and may not start another one`,
    {
      expected: `at most ${MAX_DEPTH} nested Belays`,
      received: `${DEPTH}=${depth}`,
      next: 'do it here, without Belay',
    },
  )
}
