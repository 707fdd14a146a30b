/**
 * The names that completion offers. Completion scripts ask for them when the user presses a key, so each list loads only what
 * it needs.
 */
import { stateHome } from '../../core/home.ts'
import type { Io } from '../io.ts'
import type { ListKind } from './model.ts'
import { flagIn, positionsIn } from './typed.ts'

/** A value, and what it is. */
export interface Offer {
  readonly name: string
  readonly what: string
}

type Lister = (io: Io, typed: readonly string[]) => Promise<readonly Offer[]>

/** The values of a kind, best first; `typed` is the command line before the word being completed. */
export function offersOf(kind: ListKind, io: Io, typed: readonly string[]): Promise<readonly Offer[]> {
  return LISTERS[kind](io, typed)
}

const LISTERS: Readonly<Record<ListKind, Lister>> = {
  tasks: async (io) => {
    const { tasksHere } = await import('./recorded.ts')
    return tasksHere(io)
  },
  runs: async (io) => {
    const { runsHere } = await import('./recorded.ts')
    return runsHere(io)
  },
  phases: async (io, typed) => {
    const { phasesOf } = await import('./recorded.ts')
    return phasesOf(io, positionsIn(typed)[1] ?? null)
  },
  checkpoints: async (io) => {
    const asks = await openAsksOf(io)
    const own = asks.map((ask) => ({ name: ask.id, what: `${ask.session}: ${ask.question}` }))
    const { questionsHere } = await import('./recorded.ts')
    return [...own, ...(await questionsHere(io).catch(() => []))]
  },
  options: async (io, typed) => {
    const id = positionsIn(typed)[1] ?? ''
    if ((await openAsksOf(io)).some((ask) => ask.id === id)) {
      const { ASK_OPTIONS } = await import('../../sessions/index.ts')
      return ASK_OPTIONS.map((name) => ({ name, what: '' }))
    }
    const { answersTo } = await import('./recorded.ts')
    return answersTo(io, id)
  },
  sessions: async (io) => {
    const { SessionStore } = await import('../../sessions/index.ts')
    const metas = await new SessionStore(stateHome(io.env)).metas()
    return metas.map(({ id, turns, title }) => ({
      name: id,
      what: `${turns} ${turns === 1 ? 'turn' : 'turns'}${title === null ? '' : `, ${title}`}`,
    }))
  },
  workflows: async (io) => {
    const [{ projectOf }, { listWorkflows }] = await Promise.all([
      import('../../runs/project.ts'),
      import('../../workflows/files.ts'),
    ])
    const { root } = await projectOf(io.cwd)
    return (await listWorkflows(root)).map(({ name }) => ({ name, what: 'workflow' }))
  },
  features: async (io) => {
    const [{ openRepository }, { folderFiles }, { FEATURE_ROOTS, featuresIn }] = await Promise.all([
      import('../../git/repository.ts'),
      import('../../sources/files.ts'),
      import('../../sources/layout.ts'),
    ])
    const { root } = await openRepository(io.cwd)
    const files = folderFiles(root)
    const kinds = Object.entries(FEATURE_ROOTS) as [keyof typeof FEATURE_ROOTS, string][]
    const found = await Promise.all(
      kinds.map(async ([kind, folder]) => {
        const names = await featuresIn(files, kind, folder)
        return names.map((name) => ({ name, what: kind }))
      }),
    )
    return found.flat()
  },
  branches: async (io) => {
    const { tryGit } = await import('../../git/run.ts')
    const { stdout } = await tryGit(BRANCHES, { cwd: io.cwd })
    const names = stdout.toString().split('\n')
    return names.filter((name) => name !== '' && !name.startsWith('belay/')).map((name) => ({ name, what: 'branch' }))
  },
  definitions: async (io) => {
    const [{ configHome }, { listAgentDefinitions }, { placesFor }] = await Promise.all([
      import('../../core/home.ts'),
      import('../../engine/definitions/names.ts'),
      import('../../engine/definitions/places.ts'),
    ])
    const names = await listAgentDefinitions(placesFor(io.cwd, configHome(io.env)))
    return names.map((name) => ({ name, what: 'agent definition' }))
  },
  models: async (io, typed) => {
    const { modelsKnown } = await import('./known.ts')
    return modelsKnown(io, flagIn(typed, '--agent'))
  },
  efforts: async (io, typed) => {
    const { effortsOf } = await import('./known.ts')
    return effortsOf(io, flagIn(typed, '--agent'))
  },
}

const BRANCHES = ['for-each-ref', '--format=%(refname:short)', '--count=500', 'refs/heads/']

async function openAsksOf(io: Io) {
  const { SessionStore, openAsks } = await import('../../sessions/index.ts')
  return openAsks(new SessionStore(stateHome(io.env)))
}
