import { randomId } from '../../core/ids.ts'
import type { TurnRequest } from '../port.ts'
import { ALONE } from '../turn.ts'

/** A plain request; `more` overrides parts of it. */
export function turnRequest(more: Partial<TurnRequest> = {}): TurnRequest {
  return {
    role: 'implementer',
    prompt: 'do it',
    outputSchema: null,
    cwd: '/repo',
    env: {},
    model: null,
    effort: null,
    access: 'workspace-write',
    command: null,
    resume: null,
    task: { handle: 'T001', title: 'A task' },
    attempt: 1,
    run: 'run',
    mark: `test/${randomId(12)}`,
    signal: new AbortController().signal,
    graceMs: 2000,
    ...ALONE,
    ...more,
  }
}
