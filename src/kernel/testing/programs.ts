import { releaseLease, takeLease, type Lease, type RecordStore } from '../../record/index.ts'
import type { RunScope } from '../advance.ts'
import type { Phase, PhaseContext, PhaseResult, Target } from '../program.ts'

/** What a phase of a test does; programs of tests have no services but this. */
export type Work = (context: PhaseContext<Works>) => Promise<PhaseResult>
export interface Works {
  readonly [phase: string]: Work
}

/** A phase that does what the test's services say under its name. */
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

/** The scope of the stored run `r1`, under a lease just taken. */
export async function scopeOf(record: RecordStore): Promise<RunScope & { readonly lease: Lease }> {
  return { record, project: 'p1', run: 'r1', lease: await takeLease(record, 'run:r1', 'run r1') }
}

/** Another holder's view, after the first has given its lease back or lost it. */
export async function takenOver(record: RecordStore, old: RunScope): Promise<RunScope & { readonly lease: Lease }> {
  await releaseLease(record, old.lease)
  return scopeOf(record)
}
