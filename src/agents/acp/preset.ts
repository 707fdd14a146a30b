import type { Usage } from '../../core/words.ts'
import type { Fault } from '../fault.ts'
import type { Capabilities, OwnPaths, TurnRequest } from '../port.ts'

/** What is particular to one agent that speaks ACP. Everything else the protocol says. */
export interface AcpPreset {
  readonly provider: string
  /** Program and arguments; null: `command` must name them. */
  readonly program: readonly string[] | null
  /** How to install it. */
  readonly install: string
  /** The version that Belay is tested with; absent: of no one program. */
  readonly tested?: string
  /** As of `Program`. */
  readonly mayNotTell?: boolean
  /** How a person logs in. */
  readonly login?: string
  readonly capabilities: Pick<Capabilities, 'usage' | 'readOnly' | 'model'> & Partial<Capabilities>
  /**
   * Called when a session is interrupted: tells from then on whether it is written down that it was. Absent: it is when the
   * agent has answered; ended before, the conversation could not be gone on with.
   */
  watchInterruption?(session: string, env: Readonly<Record<string, string>>): () => boolean
  /** Tokens that a session has used so far, where the agent writes them down but does not tell them; null: not known. */
  tokens?(session: string, env: Readonly<Record<string, string>>): Usage | null
  /** Further arguments of one turn. Values that others wrote are `--flag=value`. */
  args?(request: TurnRequest): readonly string[]
  /** Defaults below the request's environment. */
  environment?(request: TurnRequest): Readonly<Record<string, string>>
  /** Variables above the request's environment: by these the agent keeps to its access. */
  settings?(request: TurnRequest): Readonly<Record<string, string>>
  /** The session mode for this turn; null leaves the agent's own. */
  mode?(request: Pick<TurnRequest, 'access' | 'approve'>): string | null
  /** `_meta` of a session that begins or is taken up: what this agent can be told there. */
  meta?(request: TurnRequest): Readonly<Record<string, unknown>>
  /** Reads a failure better than by the usual words; null: as usual. */
  fault?(text: string): Fault | null
  /** Within `workspace-write` it asks only for what leads out of the workspace. */
  readonly confines?: boolean
  /** Which of its ways to log in fits this environment, when a session needs one. */
  loginMethod?(env: Readonly<Record<string, string>>): string | null
  /** See `Agent.ownPaths`. */
  ownPaths?(env: Readonly<Record<string, string>>, command: readonly string[] | null): OwnPaths
  /** See `Agent.guessesPaths`. */
  readonly guessesPaths?: true
  /** Whether a login is there, as far as files and variables tell; null: cannot be known. */
  loggedIn?(env: Readonly<Record<string, string>>): boolean | null
}
