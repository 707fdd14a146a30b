/** The judgement on a path that a command reads, writes or removes. */
import type { Access } from '../core/words.ts'
import type { Place } from './places.ts'
import type { Decision } from './port.ts'
import type { Effect } from './programs/path-use.ts'

export interface PathVerdict {
  readonly decision: Decision
  readonly rule: string
  readonly reason: string
}

const VERBS: Readonly<Record<Effect, string>> = { read: 'reads', write: 'writes', delete: 'removes', touch: 'uses' }

/** The judgement on a use of a path; null: no objection. `places` null: it is unknown where the path leads. */
export function judgePath(
  use: { readonly effect: Effect; readonly recursive: boolean; readonly raw: string; readonly within?: true },
  places: ReadonlySet<Place> | null,
  access: Access,
): PathVerdict | null {
  const { effect, raw } = use
  const say = (decision: Decision, rule: string, what: string): PathVerdict => ({
    decision,
    rule,
    reason: `${VERBS[effect]} ${use.within ? 'what it matches in ' : ''}${what}: ${raw}`,
  })
  const changes = effect === 'write' || effect === 'delete'
  if (places === null) {
    if (effect === 'touch') return null
    return say('ask', 'not-understood', 'a path that is not known')
  }
  if (places.has('secret')) return say('deny', 'builtin/secrets', 'secrets')
  if (places.has('state')) return say('deny', 'builtin/belay-state', "Belay's own record")
  if (changes && places.has('git')) return say('deny', 'builtin/git-files', "git's own files")
  if (effect === 'touch' && places.has('git')) return say('ask', 'builtin/git-files', "git's own files")
  if (changes && places.has('startup'))
    return say('deny', 'builtin/startup', 'what shells and sessions run when they start')
  if (effect === 'touch' && places.has('startup'))
    return say('ask', 'builtin/startup', 'what shells and sessions run when they start')
  if (changes && places.has('device')) return say('deny', 'builtin/device', 'a device')
  if (changes && places.has('system')) return say('deny', 'builtin/system', 'a part of the system')
  if (use.recursive && changes && places.has('root') && (effect === 'delete' || !places.has('workspace'))) {
    return say('deny', 'builtin/root', 'the workspace itself, a folder above it, or a home folder')
  }
  if (access === 'read-only' && changes && !isTemporary(places) && places.size > 0) {
    return say('deny', 'access/read-only', 'a path, and this workspace may only be read')
  }
  if (changes && places.has('belay')) return say('ask', 'builtin/belay-files', 'what Belay itself is told by')
  if (places.has('env')) return say('ask', 'builtin/env-file', 'a file that may hold secrets')
  if (places.has('device')) return say('ask', 'builtin/device', 'a device')
  if (access === 'full' || isTemporary(places) || places.has('system')) return null
  if (places.has('outside')) return say('ask', 'builtin/outside', 'a path outside of the workspace')
  return null
}

function isTemporary(places: ReadonlySet<Place>): boolean {
  return places.has('tmp') && !places.has('home')
}
