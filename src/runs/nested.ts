import { BelayError } from '../core/errors.ts'
import { MARK, refuseDeep } from '../process/index.ts'
import { findRun, type RecordStore } from '../record/index.ts'
import { SessionStore, isSessionId } from '../sessions/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Refuses to begin, or to go on with, a run of `project` inside a task of one of its runs: an agent or a gate that does so
 * would do it again in that run, without end. Runs of other repositories are let go on until they are too deep in one another.
 * Throws `nested_run`, `nested_too_deep`.
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
 * What is a person's to decide is not decided by an agent or a gate that this Belay runs, whatever it was told. A net and no
 * wall: a process on the host can clear its environment, a confined one cannot reach the record. Throws `not_a_person`.
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
