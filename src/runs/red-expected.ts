import { findRun, listArtifacts, listTasks, type RecordStore } from '../record/index.ts'
import type { VerifyReport } from '../programs/direct/verify.ts'

/** A gate that still fails as a task announced ("tests first"), with its failing tests. */
export interface RedGate {
  readonly gate: string
  readonly tests: readonly string[]
}

/** The gates that are still red at the last landing of a run, as its tasks announced. */
export async function redGates(record: RecordStore, run: string): Promise<RedGate[]> {
  const landed: { readonly id: number; readonly report: VerifyReport }[] = []
  const found = await findRun(record.read, run)
  if (found?.program !== 'direct') return []
  for (const task of await listTasks(record.read, run)) {
    if (task.status !== 'done' || task.commit === null) continue
    const artifact = (await listArtifacts(record.read, run, task.handle, 'verify')).at(-1)
    if (artifact) landed.push({ id: artifact.id, report: artifact.data as VerifyReport })
  }
  // Every candidate was verified on the tip on which it landed, so the last report belongs to the last landing.
  return stillRed(landed.sort((a, b) => a.id - b.id).map(({ report }) => report))
}

/** Announced failures of landed tasks (in landing order) that the last report's evidence still shows. */
export function stillRed(landed: readonly VerifyReport[]): RedGate[] {
  const announced = new Map<string, Set<string>>()
  for (const { evidence, redExpected } of landed) {
    const meant = new Set(redExpected)
    for (const { gate, result, report } of evidence) {
      if (result !== 'fail') continue
      const tests = announced.get(gate) ?? new Set()
      for (const test of report?.failing ?? []) if (meant.has(test)) tests.add(test)
      announced.set(gate, tests)
    }
  }
  const last = landed.at(-1)?.evidence ?? []
  return [...announced].flatMap(([gate, tests]) => {
    const seen = last.find((one) => one.gate === gate)
    const failing = seen?.report?.failing ?? null
    // Without test names, only a passing gate shows that the tests pass.
    const red =
      failing === null ? (seen?.exitCode === 0 ? [] : [...tests]) : [...tests].filter((test) => failing.includes(test))
    return red.length === 0 ? [] : [{ gate, tests: red }]
  })
}
