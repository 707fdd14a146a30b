import { BelayError } from '../core/errors.ts'
import { SessionStore, newSessionId, type Session } from '../sessions/index.ts'
import type { CloneRequest } from './isolation/clone.ts'
import type { TurnSetup } from './turn.ts'

/** Where a session works, and how several agents work together in it. */
export interface Isolation {
  /** `session`: a workspace of its own. `here`: the user's folder. null: the session's workspace if it has one, else here. */
  readonly workspace: 'here' | 'session' | null
  /** The repository to clone into the session's workspace; null: none. */
  readonly clone: CloneRequest | null
  /**
   * `sequential`: one agent after the other on one branch, each step committed. `parallel`: each part on its own branch. null:
   * as the session has it.
   */
  readonly collaboration: 'sequential' | 'parallel' | null
  /** Name of the part in parallel mode. */
  readonly part: string | null
}

export interface PlaceOptions {
  readonly home: string
  /** The user's folder. */
  readonly cwd: string
  readonly session: string | null
  readonly purpose: string
  readonly isolation: Isolation
}

/** A session that this process holds, and the folder in which it works. */
export interface Place {
  readonly session: Session
  readonly cwd: string
  readonly step: TurnSetup['step']
  readonly warnings: readonly string[]
  /** Releases the session, and removes it if it was just created: nothing has happened in it. */
  undo(): Promise<void>
}

/** Opens or creates the session and its workspace. Throws `held`, `usage`, and the errors of cloning. */
export async function openPlace(options: PlaceOptions): Promise<Place> {
  const { home, isolation } = options
  checkIsolation(options)
  const store = new SessionStore(home)
  const whole = options.session ?? newSessionId(Date.now())
  if (isolation.collaboration === 'parallel' && isolation.part !== null)
    return openPart(store, options, whole, isolation.part)
  const opened = await openSession(store, whole, options.purpose)
  try {
    const { cwd, step } = await workspaceOf(opened.session, options)
    return { ...opened, cwd, step }
  } catch (error) {
    await opened.undo()
    throw error
  }
}

async function workspaceOf(
  session: Session,
  { home, cwd, isolation }: PlaceOptions,
): Promise<Pick<Place, 'cwd' | 'step'>> {
  const { workspace, clone, collaboration } = isolation
  const own = workspace === 'session' || clone !== null || collaboration !== null
  if (!own && (session.meta.workspace === null || workspace === 'here')) return { cwd, step: null }
  const { sessionWorkspace } = await import('./isolation/workspace.ts')
  const isPart = session.meta.parent !== null
  const path = isPart ? (session.meta.workspace ?? cwd) : await sessionWorkspace(home, session, { clone, cwd })
  if (collaboration !== null) await session.change({ collaboration })
  return { cwd: path, step: await stepsIn(session, path) }
}

async function stepsIn(session: Session, path: string): Promise<TurnSetup['step']> {
  if (session.meta.repository === null) return null
  const [{ recoverWorkspace }, { refuseLeftAlone }] = await Promise.all([
    import('./isolation/recover.ts'),
    import('./isolation/workspace.ts'),
  ])
  await refuseLeftAlone(session.meta)
  await recoverWorkspace(session, path)
  if (session.meta.collaboration === null) return null
  const { beginStep } = await import('./isolation/steps.ts')
  return () => beginStep(session, path)
}

async function openPart(store: SessionStore, options: PlaceOptions, whole: string, part: string): Promise<Place> {
  const { parallelBase, partSession, partWorkspace } = await import('./isolation/parts.ts')
  const id = partSession(whole, part)
  const base = await parallelBase(store, whole, { clone: options.isolation.clone, cwd: options.cwd })
  const opened = await openSession(store, id, options.purpose)
  try {
    const cwd = await partWorkspace(store, opened.session, whole, part, base)
    return { ...opened, cwd, step: await stepsIn(opened.session, cwd) }
  } catch (error) {
    await opened.undo()
    throw error
  }
}

async function openSession(store: SessionStore, id: string, purpose: string): Promise<Omit<Place, 'cwd' | 'step'>> {
  let created = false
  if ((await store.find(id)) === null) {
    try {
      await store.create(id)
      created = true
    } catch (error) {
      // Another process created it meanwhile; opening it will show whether it is in use.
      if (!(error instanceof BelayError && error.code === 'session_exists')) throw error
    }
  }
  const session = await store.open(id, purpose)
  const { torn } = session
  const warning = `the last entry of session ${id} was cut off by a crash and was dropped (${torn} bytes)`
  return {
    session,
    warnings: torn > 0 ? [warning] : [],
    async undo() {
      await session.close()
      if (created) await store.takeBack(id)
    },
  }
}

function checkIsolation({ session, isolation: { workspace, clone, collaboration, part } }: PlaceOptions): void {
  const wrong = (message: string, expected: string): BelayError => new BelayError('usage', message, { expected })
  if (workspace === 'here' && (clone !== null || collaboration !== null))
    throw wrong('--workspace here does not go with --repo or --collaboration', '--workspace session, or none of it')
  if (collaboration !== null && session === null)
    throw wrong('--collaboration needs a session that others can join', '--session ID')
  if (collaboration === 'parallel' && part === null)
    throw wrong('--collaboration parallel needs the name of the part', '--part NAME')
  if (part !== null && collaboration !== 'parallel')
    throw wrong('--part is for parallel work', '--collaboration parallel')
}
