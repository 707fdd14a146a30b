import type { Access } from '../core/words.ts'

/** What a rule says of a command. On any doubt it is `ask`; where several apply, deny beats ask beats allow. */
export type Decision = 'allow' | 'ask' | 'deny'

/** What a policy judges: one command line of a POSIX or Bash shell, as an agent would have it run. Untrusted. */
export interface CommandQuestion {
  readonly command: string
  /** Absolute folder that it runs in. */
  readonly cwd: string
  /** Absolute path of the workspace; redirects and path arguments are judged against it. */
  readonly workspace: string
  readonly access: Access
  /** The command runs in a sandbox that confines it: what no rule names is then allowed (interfaces: section 10). */
  readonly confined: boolean
}

/** Why one simple command (or redirect) got its decision. */
export interface Finding {
  readonly decision: Decision
  /** Id of the rule, e.g. `builtin/git-push-force`, or `unknown`, `not-understood`. */
  readonly rule: string
  /** The part of the command line that it is about. */
  readonly part: string
  readonly reason: string
}

export interface Verdict {
  readonly decision: Decision
  /** One sentence for a person and for the agent. */
  readonly reason: string
  /** Every simple command and redirect with its own decision, in order. */
  readonly findings: readonly Finding[]
}

/** Rules made ready. `judge` never throws, takes bounded time, and looks at nothing but symbolic links of this machine. */
export interface CommandPolicy {
  judge(question: CommandQuestion): Verdict
}
