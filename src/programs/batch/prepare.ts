import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { readInput } from './input.ts'
import type { BatchServices } from './services.ts'
import { afterFailedTry, attemptsLeft, beginTry, noneLeft } from './setback.ts'
import { stateOf, withState } from './state.ts'

/** Runs before the paid turn, so that nothing is spent on a file that cannot be sent. */
export const prepare: Phase<BatchServices> = {
  does: 'reads the file and sees whether it can be sent: UTF-8 text, not too large, inside the folder',
  deadlineMs: () => 10 * 60_000,
  run: look,
  on: {
    readable: { to: 'process' },
    again: { pause: 'suspended', at: 'prepare' },
    exhausted: { end: 'blocked' },
    unsuitable: { end: 'blocked' },
  },
}

async function look(context: PhaseContext<BatchServices>): Promise<PhaseResult> {
  const { task, services } = context
  if (attemptsLeft(context) <= 0) return noneLeft(context)
  const input = await readInput(services.root, task.handle, services.settings.maxFileSize)
  switch (input.kind) {
    case 'text':
      return { outcome: 'readable', state: withState(stateOf(task), { digest: input.digest, answer: null }) }
    case 'unsuitable':
      return { outcome: 'unsuitable', reason: input.reason }
    case 'unreadable':
      await beginTry(context, task.attempt + 1)
      return afterFailedTry(context, input.reason)
  }
}
