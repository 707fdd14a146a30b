import type { Access } from '../core/words.ts'

/** What a rule decides about a command. Any doubt is `ask`. Where several decisions apply, deny beats ask beats allow. */
export type Decision = 'allow' | 'ask' | 'deny'

/** What a policy judges: one POSIX or Bash command line that an agent wants to run. Untrusted. */
export interface CommandQuestion {
  readonly command: string
  /** Absolute path of the folder in which the command would run. */
  readonly cwd: string
  /** Absolute path of the workspace; redirects and path arguments are judged against it. */
  readonly workspace: string
  readonly access: Access
  /** Whether the command runs in a sandbox that confines it; what no rule names is then allowed. */
  readonly confined: boolean
}

/** The decision on one simple command or redirect, and its cause. */
export interface Finding {
  readonly decision: Decision
  /** Id of the deciding rule, e.g. `builtin/git-push-force`; `unknown` or `not-understood` without one. */
  readonly rule: string
  /** The part of the command line that was judged. */
  readonly part: string
  readonly reason: string
}

export interface Verdict {
  readonly decision: Decision
  /** One sentence, for people and for the agent. */
  readonly reason: string
  /** Every simple command and redirect with its own decision, in the order of the command line. */
  readonly findings: readonly Finding[]
}

/** Rules, ready to be applied. `judge` never throws, takes bounded time, and reads nothing but symbolic links. */
export interface CommandPolicy {
  judge(question: CommandQuestion): Verdict
}
