import { cap } from '../../core/text.ts'
import { commitTree, message, trailer } from '../../git/commit.ts'
import { findObject } from '../../git/objects.ts'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import type { DirectServices } from './services.ts'
import { stateOf, withState, type DirectState } from './state.ts'

const MAX_BODY = 4000

/** Lands the verified and reviewed candidate as one commit on the result branch. */
export const integrate: Phase<DirectServices> = {
  does: 'commits exactly the proven tree on the result branch, by compare-and-swap',
  deadlineMs: () => 30 * 60_000,
  run: land,
  on: { landed: { end: 'done' }, moved: { to: 'verify' } },
}

async function land(context: PhaseContext<DirectServices>): Promise<PhaseResult> {
  const { task, services } = context
  const state = stateOf(task)
  const { candidate } = state
  if (candidate === null) throw new Error(`task ${task.handle} came to integrate without a candidate`)
  // A ref holds the tree since it was verified. If somebody removed it all the same, the candidate is built again.
  if ((await findObject(services.root, `${candidate.tree}^{tree}`)) === null) {
    return { outcome: 'moved', state: withState(state, { candidate: null }) }
  }
  return services.landing.alone(async () => {
    const commit = await commitTree(services.root, {
      tree: candidate.tree,
      parents: [candidate.tip],
      message: commitMessage(context, state, candidate.tree),
      sign: services.settings.sign,
    })
    // Signing may have taken long: only the current holder of the task may move the branch.
    const moved = await services.landing.advance(task.handle, candidate.tip, commit)
    if (moved) return landed(context, state, commit)
    // Perhaps this task moved it already, in a process that died right afterwards.
    const already = await services.landing.findLanded(task.handle)
    if (already !== null) return landed(context, state, already)
    return { outcome: 'moved', state: withState(state, { candidate: null }) }
  })
}

async function landed(context: PhaseContext<DirectServices>, state: DirectState, commit: string): Promise<PhaseResult> {
  const { task, services } = context
  await services.workspaces.done(task.handle)
  return {
    outcome: 'landed',
    reason: { code: 'landed', message: `landed as ${commit.slice(0, 12)}` },
    state: withState(state, { setback: null }),
    change: { commit },
    attemptOutcome: 'landed',
    artifacts: [{ kind: 'commit', data: { commit, tree: state.candidate?.tree ?? null } }],
  }
}

function commitMessage({ task, services }: PhaseContext<DirectServices>, state: DirectState, tree: string): string {
  const gates = state.gates.map(({ name, result }) => `${name}=${result}`).join('; ')
  const agents = Object.entries(state.agents)
    .map(([role, name]) => `${role}=${name}`)
    .join(', ')
  const body = services.source.kind === 'prompt' ? cap(state.answer?.summary ?? '', MAX_BODY) : ''
  return message(task.definition.subject, safeBody(body), [
    trailer('Belay-Task', task.handle),
    trailer('Belay-Run', services.run.id),
    trailer('Belay-Agent', agents),
    trailer('Belay-Gates', gates === '' ? 'none' : gates),
    trailer('Belay-Tree', tree),
  ])
}

/** Keeps an agent's summary from imitating Belay's trailers. Git reads only the last paragraph, but people read everything. */
function safeBody(text: string): string {
  return text.replace(/^(Belay-[A-Za-z]+:)/gm, ' $1').replace(/\r/g, '')
}
