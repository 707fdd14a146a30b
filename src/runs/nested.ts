import { BelayError } from '../core/errors.ts'
import { MARK, refuseDeep } from '../process/index.ts'
import { findRun, type RecordStore } from '../record/index.ts'
import { SessionStore, isSessionId } from '../sessions/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Refuses to start or resume a run of `project` from inside a task of one of its runs: an agent or gate that does so would do
 * it again in the new run, without end. Runs of other repositories may be nested up to a limit. Throws `nested_run`,
 * `nested_too_deep`.
 */
export async function refuseNested(record: RecordStore, env: Environment, project: string): Promise<void> {
  refuseDeep(env)
  const [id = '', task = ''] = (env[MARK] ?? '').split('/')
  const around = id === '' ? null : await findRun(record.read, id)
  if (around?.project !== project) return
  throw new BelayError(
    'nested_run',
    `this command runs inside a task of run ${id}, where no run of the same repository may start or continue`,
    {
      expected: 'your own shell',
      received: `${MARK}=${id}/${task}`,
      next: 'belay status; an agent that asks another one uses belay exec',
    },
  )
}

/**
 * Refuses a decision that belongs to a person when the command runs inside one of this Belay's agents or gates. This catches
 * mistakes and is no security boundary: a process on the host can clear its environment (a confined one cannot reach the
 * record). Throws `not_a_person`.
 */
export async function refuseAgents(record: RecordStore, env: Environment): Promise<void> {
  const [first = '', second = ''] = (env[MARK] ?? '').split('/')
  if (first === '') return
  const isOurs =
    first === 'session'
      ? isSessionId(second) && (await new SessionStore(record.home).find(second)) !== null
      : (await findRun(record.read, first)) !== null
  if (!isOurs) return
  throw new BelayError(
    'not_a_person',
    'this command runs inside an agent or a gate of Belay, and only a person may decide this',
    {
      expected: 'your own shell',
      received: `${MARK}=${first}/${second}`,
      next: 'say in your answer what you need',
    },
  )
}
