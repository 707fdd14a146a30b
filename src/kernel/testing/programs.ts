import { releaseLease, takeLease, type Lease, type RecordStore } from '../../record/index.ts'
import type { RunScope } from '../advance.ts'
import type { Phase, PhaseContext, PhaseResult, Target } from '../program.ts'

/** What a test's phase does. Programs in tests have no other services. */
export type Work = (context: PhaseContext<Works>) => Promise<PhaseResult>
export interface Works {
  readonly [phase: string]: Work
}

/** A phase that runs the work registered under its name in the test's services. */
export function phaseOf(name: string, on: Readonly<Record<string, Target>>, deadlineMs = 60_000): Phase<Works> {
  return {
    does: `does ${name}`,
    deadlineMs: () => deadlineMs,
    run: async (context) => {
      const work = context.services[name]
      if (!work) throw new Error(`the test has no work for ${name}`)
      return work(context)
    },
    on,
  }
}

/** The scope of the stored run `r1`, under a lease taken just now. */
export async function scopeOf(record: RecordStore): Promise<RunScope & { readonly lease: Lease }> {
  return { record, project: 'p1', run: 'r1', lease: await takeLease(record, 'run:r1', 'run r1') }
}

/** The scope of another holder, after the first has lost its lease or given it back. */
export async function takenOver(record: RecordStore, old: RunScope): Promise<RunScope & { readonly lease: Lease }> {
  await releaseLease(record, old.lease)
  return scopeOf(record)
}
