/** A checked configuration in terms of the code: camelCase, milliseconds, gates, absolute paths, null for what is not set. */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Access } from '../agents/port.ts'
import type { ModelServices } from '../engine/index.ts'
import type { NatsPublishing } from '../publish/index.ts'
import type { PolicyConfig } from '../policy/presets.ts'
import type { GateSpec } from '../gates/port.ts'
import { milliseconds, resolveGates } from './gates.ts'
import { DEFAULT_PROVIDER, type ProviderName } from './providers.ts'
import { resolveServices } from './services.ts'
import { resolveSandbox, type SandboxConfig } from './sandbox.ts'
import type { ParsedConfig } from './schema.ts'

export interface RoleConfig {
  readonly provider: ProviderName
  readonly model: string | null
  readonly effort: string | null
  readonly timeoutMs: number
  readonly stallMs: number
  readonly access: Access
  /** null, or absent in runs that an older Belay began: unconfined. */
  readonly sandbox?: SandboxConfig | null
  /** Variables to add (text) or remove (null). */
  readonly env: Readonly<Record<string, string | null>>
  /** Program and arguments; a program in the repository is already an absolute path. null: looked up by name. */
  readonly command: readonly string[] | null
  /** Failover agents, in order. Absent in runs that an older Belay began: none. */
  readonly failover?: readonly StandIn[]
}

/** A failover agent; its other settings are the role's. */
export type StandIn = Pick<RoleConfig, 'provider' | 'model' | 'effort' | 'command'>

/** The configuration of a run: plain data, stored with the run. */
export interface Config {
  readonly task: {
    readonly source: 'spec-kit' | 'openspec'
    readonly maxIterations: number
    readonly allowEmpty: readonly string[]
  }
  readonly verify: {
    readonly gates: readonly GateSpec[]
    readonly required: boolean
    /** Sandbox of gates and setup commands; null, or absent in runs that an older Belay began: none. */
    readonly sandbox?: SandboxConfig | null
    /** The user's own patterns of files whose changes are pointed out to the reviewer, in addition to the built-in ones. */
    readonly protected: readonly string[]
  }
  readonly workspace: {
    /** `minTests` is always null. */
    readonly setup: readonly GateSpec[]
    readonly setupInputs: readonly string[]
    readonly copy: readonly string[]
    /** Absolute path; null: in the state folder. */
    readonly root: string | null
  }
  readonly workflow: {
    readonly mode: 'direct'
    readonly roles: { readonly implementer: RoleConfig; readonly reviewer: RoleConfig }
  }
  /** Absent in runs that an older Belay began: only the built-in rules. */
  readonly policy?: PolicyConfig
  /** Model services for the engine; absent in runs that an older Belay began. */
  readonly providers?: ModelServices
  /** Absent in runs that an older Belay began: nobody is asked. */
  readonly approvals?: {
    /** How long a question waits for a person when the policy leaves the decision to one; null: nobody is asked. */
    readonly waitMs: number | null
  }
  readonly budget: {
    readonly usd: number | null
    readonly tokens: number | null
    readonly wallMs: number | null
    readonly unknownCost: 'refuse' | 'allow'
  }
  readonly concurrency: number
  readonly git: { readonly sign: 'auto' | 'off' }
  /** Absent in runs that an older Belay began. */
  readonly publish?: { readonly nats: NatsPublishing }
  readonly notify: { readonly command: readonly string[] | null }
}

export interface Places {
  /** The repository's root. */
  readonly root: string
  /** The user's home folder. */
  readonly home: string
}

export function resolveConfig(parsed: ParsedConfig, places: Places): Config {
  return {
    task: {
      source: parsed.task.source,
      maxIterations: parsed.task.max_iterations,
      allowEmpty: parsed.task.allow_empty,
    },
    verify: {
      gates: resolveGates(parsed.verify.commands),
      required: parsed.verify.required,
      sandbox: resolveSandbox(parsed.verify.sandbox, places),
      protected: parsed.verify.protected.map(plainPath),
    },
    workspace: {
      setup: resolveGates(parsed.workspace.setup),
      setupInputs: parsed.workspace.setup_inputs.map(plainPath),
      copy: parsed.workspace.copy.map(plainPath),
      root: parsed.workspace.root === undefined ? null : parsed.workspace.root.replace(/^~(?=\/)/, () => places.home),
    },
    workflow: {
      mode: 'direct',
      roles: {
        implementer: resolveRole(parsed.workflow.roles.implementer, places),
        reviewer: resolveRole(parsed.workflow.roles.reviewer, places),
      },
    },
    policy: { commands: parsed.policy.commands, presets: parsed.policy.presets },
    approvals: { waitMs: parsed.policy.wait === undefined ? null : milliseconds(parsed.policy.wait) },
    providers: resolveServices(parsed.providers),
    budget: resolveBudget(parsed.budget),
    concurrency: parsed.concurrency,
    git: { sign: parsed.git.sign },
    publish: {
      nats: {
        url: parsed.publish.nats.url ?? null,
        subject: parsed.publish.nats.subject,
        sessionSubject: parsed.publish.nats.session_subject,
        maxPayload: parsed.publish.nats.max_payload,
        flushMs: milliseconds(parsed.publish.nats.flush),
      },
    },
    notify: { command: resolveArgv(parsed.notify.command, places) },
  }
}

export function resolveBudget(budget: ParsedConfig['budget']): Config['budget'] {
  return {
    usd: budget.usd ?? null,
    tokens: budget.tokens ?? null,
    wallMs: budget.wall === undefined ? null : milliseconds(budget.wall),
    unknownCost: budget.unknown_cost,
  }
}

type ParsedRole = Omit<ParsedConfig['workflow']['roles']['implementer'], 'failover'> & {
  readonly failover?: ParsedConfig['workflow']['roles']['implementer']['failover']
}

/** An agent's settings; a program with a slash is relative to `places.root`. */
export function resolveRole(role: ParsedRole, places: Pick<Places, 'root'> & Partial<Places>): RoleConfig {
  return {
    ...resolveAgent(role, places),
    timeoutMs: milliseconds(role.timeout),
    stallMs: milliseconds(role.stall),
    access: role.access,
    sandbox: resolveSandbox(role.sandbox, { home: places.home ?? homedir() }),
    env: role.env,
    failover: (role.failover ?? []).map((one) =>
      resolveAgent(typeof one === 'string' ? { provider: one } : one, places),
    ),
  }
}

function resolveAgent(
  { provider, model, effort, command }: Pick<ParsedRole, 'provider' | 'model' | 'effort' | 'command'>,
  places: Pick<Places, 'root'>,
): StandIn {
  return {
    provider: provider ?? (command === undefined ? DEFAULT_PROVIDER : 'command'),
    model: model ?? null,
    effort: effort ?? null,
    command: resolveArgv(command, places),
  }
}

/**
 * Text is run by the shell. In a list, a relative program with a slash is the one in the repository, not the one in the
 * workspace.
 */
export function resolveArgv(
  command: string | readonly string[] | undefined,
  places: Pick<Places, 'root'>,
): readonly string[] | null {
  if (command === undefined) return null
  if (typeof command === 'string') return ['/bin/sh', '-c', command]
  const [program = '', ...rest] = command
  const own = program.includes('/') && !isAbsolute(program)
  return [own ? join(places.root, program) : program, ...rest]
}

/** Normalizes a path: `./a` and `a/` become `a`. */
function plainPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** The user's home folder: HOME if it is set. */
export function homeOf(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME']
  return home ? home : homedir()
}
