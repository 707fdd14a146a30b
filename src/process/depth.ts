import { BelayError } from '../core/errors.ts'

/** The environment variable with the number of Belay processes that a process is nested in. */
export const DEPTH = 'BELAY_DEPTH'

/** The deepest nesting that is allowed. It is above 1 because an agent may itself start Belay, whose agent may do so again. */
const MAX_DEPTH = 3

type Environment = Readonly<Record<string, string | undefined>>

/** How many Belay processes a process with this environment is nested in; 0: none. */
export function depthOf(env: Environment): number {
  const depth = Number(env[DEPTH] ?? 0)
  return Number.isInteger(depth) && depth > 0 ? depth : 0
}

/** Limits how deep agents can start further agents: throws `nested_too_deep`. */
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
