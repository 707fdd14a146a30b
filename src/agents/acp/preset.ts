import type { Usage } from '../../core/words.ts'
import type { Fault } from '../fault.ts'
import type { Capabilities, OwnPaths, TurnRequest } from '../port.ts'

/** What is specific to one agent that speaks ACP, beyond the protocol. */
export interface AcpPreset {
  readonly provider: string
  /** The program and its arguments; null: `command` must name them. */
  readonly program: readonly string[] | null
  /** How to install it. */
  readonly install: string
  /** The version that Belay is tested with; absent: the preset is not for one particular program. */
  readonly tested?: string
  /** As in `Program`. */
  readonly mayNotTell?: boolean
  /** How a person logs in. */
  readonly login?: string
  readonly capabilities: Pick<Capabilities, 'usage' | 'readOnly' | 'model'> & Partial<Capabilities>
  /**
   * Called when a session is interrupted. The returned function tells whether the agent has stored the interruption by now; a
   * conversation whose agent ends before cannot be resumed. Absent: it is stored once the agent has answered.
   */
  watchInterruption?(session: string, env: Readonly<Record<string, string>>): () => boolean
  /** Tokens that a session has used so far, from the agent's own files, for agents that do not report them; null: unknown. */
  tokens?(session: string, env: Readonly<Record<string, string>>): Usage | null
  /** Further arguments for one turn. Values from other people are passed as `--flag=value`. */
  args?(request: TurnRequest): readonly string[]
  /** Default variables; the request's environment overrides them. */
  environment?(request: TurnRequest): Readonly<Record<string, string>>
  /** Variables that override the request's environment: they make the agent keep to its access. */
  settings?(request: TurnRequest): Readonly<Record<string, string>>
  /** The session mode for this turn; null: the agent's default. */
  mode?(request: Pick<TurnRequest, 'access' | 'approve'>): string | null
  /** `_meta` of a new or resumed session: the settings that this agent accepts there. */
  meta?(request: TurnRequest): Readonly<Record<string, unknown>>
  /** Classifies a failure whose text `faultIn` would get wrong; null: use `faultIn`. */
  fault?(text: string): Fault | null
  /** With `workspace-write`, the agent only asks about what leads out of the workspace. */
  readonly confines?: boolean
  /** The agent's login method that fits this environment, for when a session needs a login; null: none. */
  loginMethod?(env: Readonly<Record<string, string>>): string | null
  /** As `Agent.ownPaths`. */
  ownPaths?(env: Readonly<Record<string, string>>, command: readonly string[] | null): OwnPaths
  /** As `Agent.guessesPaths`. */
  readonly guessesPaths?: true
  /** Whether there is a login, judged by files and variables; null: unknown. */
  loggedIn?(env: Readonly<Record<string, string>>): boolean | null
}
