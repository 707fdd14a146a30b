/** The one definition of belay.yaml: validation, JSON Schema and reference all follow from it. */
import { z } from 'zod'
import { DEFAULT_SESSION_SUBJECT, DEFAULT_SUBJECT, SUBJECT, isSubject } from '../publish/subject.ts'
import { PRESETS } from '../policy/presets.ts'
import { RULE_GRAMMAR, ruleProblem } from '../policy/rules.ts'
import { duration, flag, insidePath, listOf, mapping, oneOf, text, whole } from './leaves.ts'
import { sandboxKey } from './sandbox.ts'
import { argv, gate, setupStep } from './command-keys.ts'
import { role } from './role-keys.ts'
import { providersKey } from './services.ts'

/** Files that determine which dependencies are installed: setup runs again when one of them changed. */
export const LOCKFILES = [
  'package-lock.json',
  'npm-shrinkwrap.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'bun.lockb',
  'uv.lock',
  'poetry.lock',
  'pdm.lock',
  'Pipfile.lock',
  'requirements.txt',
  'requirements-dev.txt',
  'go.sum',
  'Cargo.lock',
  'Gemfile.lock',
  'composer.lock',
  'packages.lock.json',
  'gradle.lockfile',
]

const NATS_URL = 'a URL such as nats://127.0.0.1:4222, without credentials'

/** A rule of the command policy. */
const rule = text(RULE_GRAMMAR)
  .superRefine((value, context) => {
    const problem = ruleProblem(value)
    if (problem !== null) context.addIssue({ code: 'custom', message: `${RULE_GRAMMAR}; ${problem}` })
  })
  .meta({ title: 'rule' })

function ruleList(decision: string, example: string) {
  return listOf(rule, 'rules')
    .default([])
    .describe(decision)
    .meta({ examples: [[example]] })
}

/** Limits of a whole run. */
export const budgetKeys = mapping({
  usd: z
    .number({ error: 'an amount of US dollars above 0' })
    .positive({ error: 'an amount of US dollars above 0' })
    .max(1_000_000, { error: 'an amount of US dollars, at most 1000000' })
    .optional()
    .describe('The run is suspended when its agents cost this much.')
    .meta({ examples: [20] }),
  tokens: whole(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('The run is suspended when its agents used this many tokens, input and output together.')
    .meta({ examples: [5_000_000] }),
  wall: duration()
    .optional()
    .describe('The run is suspended after this time.')
    .meta({ examples: ['8h'] }),
  unknown_cost: oneOf('refuse', 'allow')
    .default('refuse')
    .describe(
      'With `usd`, what to do about an agent whose cost nobody knows: refuse to start, or go on without counting it.',
    ),
})
  .prefault({})
  .describe('Limits of a whole run.')

export const concurrency = whole(1, 64)
  .default(1)
  .describe('How many tasks are worked on at the same time.')
  .meta({ examples: [4] })

export const configSchema = mapping({
  task: mapping({
    source: oneOf('spec-kit', 'openspec')
      .default('spec-kit')
      .describe(
        'Where tasks come from when the command line does not say: `specs/` (spec-kit) or `openspec/changes/` (OpenSpec).',
      ),
    max_iterations: whole(1, 20)
      .default(5)
      .describe('A task is blocked after this many implement attempts.')
      .meta({ examples: [3] }),
    allow_empty: listOf(text('a task handle'), 'task handles')
      .default([])
      .describe('Handles of tasks that may end without any change; for others an empty change is a question to you.')
      .meta({ examples: [['T014']] }),
  })
    .prefault({})
    .describe('Where tasks come from and how often one is tried.'),
  verify: mapping({
    commands: listOf(gate, 'commands')
      .default([])
      .describe('The gates: checks that Belay runs itself, in this order, all of them, before review. See "Commands".')
      .meta({ examples: [['npm test', { run: 'npm run lint', timeout: '2m' }]] }),
    sandbox: sandboxKey('gates and setup commands are'),
    required: flag().default(false).describe('Refuses to run when there are no gates, instead of warning once.'),
    protected: listOf(insidePath(), 'paths or patterns')
      .default([])
      .describe(
        'More files whose change is pointed out to the reviewer (patterns with `*` and `**`). The configuration, CI files and the scripts that gates name always are.',
      )
      .meta({ examples: [['scripts/check/**']] }),
  })
    .prefault({})
    .describe('What proves that a task is done.'),
  workspace: mapping({
    setup: listOf(setupStep, 'commands')
      .default([])
      .describe('Makes a fresh checkout usable, in this order, before any agent or gate runs there. See "Commands".')
      .meta({ examples: [['npm ci']] }),
    setup_inputs: listOf(insidePath(), 'paths')
      .default(LOCKFILES)
      .describe(
        'Setup is done again in a workspace when one of these files changed. Files that are not there do not matter.',
      )
      .meta({ examples: [['package-lock.json']] }),
    copy: listOf(insidePath(), 'paths')
      .default([])
      .describe(
        'Git-ignored files and folders of your checkout that a workspace needs. They are copied, never linked; agents can read them.',
      )
      .meta({ examples: [['.env']] }),
    root: z
      .string({ error: 'an absolute path, or one that begins with "~/"' })
      .regex(/^(\/|~\/)[^\0]*$/, { error: 'an absolute path, or one that begins with "~/"' })
      .optional()
      .describe("Folder for workspaces; without it, `workspaces` in Belay's state folder.")
      .meta({ title: 'path', examples: ['~/fast-disk/belay'] }),
  })
    .prefault({})
    .describe('Where tasks are worked on.'),
  workflow: mapping({
    mode: oneOf('direct', 'pull-request')
      .default('direct')
      .describe(
        '`direct`: one commit per task on the target branch. `pull-request` is not available yet and is refused.',
      )
      .meta({ examples: ['direct'] }),
    roles: mapping({
      implementer: role('writes the change', 'workspace-write'),
      reviewer: role('reviews it', 'read-only'),
    })
      .prefault({})
      .describe('Who does what.'),
  })
    .prefault({})
    .describe('How a task goes from words to a commit.'),
  policy: mapping({
    commands: mapping({
      allow: ruleList(
        'Commands that need no person, even if the built-in list says ask. They never override a deny.',
        'git push origin *',
      ),
      ask: ruleList(
        'Commands that a person has to allow, in a sandbox too. When nobody can be asked, they are denied.',
        'npm publish',
      ),
      deny: ruleList('Commands that are never run.', 'kubectl delete'),
    })
      .prefault({})
      .describe('Rules for shell commands, each a text; docs/policy.md says how they are written.'),
    presets: listOf(oneOf(...PRESETS), 'presets')
      .default([])
      .describe(
        'Languages whose usual commands (build, test, lint) need no person; `strict` denies every command that no rule allows.',
      )
      .meta({ examples: [['node', 'shell']] }),
    wait: duration()
      .optional()
      .describe(
        "How long a run waits for `belay answer` when the policy leaves an agent's request to a person; after that the request is denied. Without this key it is denied at once. The `timeout` of the turn keeps running.",
      )
      .meta({ examples: ['30m'] }),
  })
    .prefault({})
    .describe('What agents may run in a shell.'),
  providers: providersKey,
  budget: budgetKeys,
  concurrency,
  git: mapping({
    sign: oneOf('auto', 'off')
      .default('auto')
      .describe('`auto`: commits are signed when git is configured to (`commit.gpgsign`). `off`: never.'),
  })
    .prefault({})
    .describe('How Belay commits.'),
  publish: mapping({
    nats: mapping({
      url: z
        .string({ error: NATS_URL })
        .regex(/^(nats|tls):\/\/[^\s@/?#]+$/, { error: NATS_URL })
        .optional()
        .describe(
          'Server that gets the events of runs, batches, workflows, `belay exec` and `belay chat` while they are recorded. Credentials come from the environment: `BELAY_NATS_TOKEN`, `BELAY_NATS_USER` and `BELAY_NATS_PASSWORD`, or `BELAY_NATS_CREDS` (a file); `BELAY_NATS_CA`, `BELAY_NATS_CERT` and `BELAY_NATS_KEY` are files for TLS.',
        )
        .meta({ title: 'URL', examples: ['nats://127.0.0.1:4222'] }),
      subject: z
        .string({ error: SUBJECT })
        .refine(isSubject, { error: SUBJECT })
        .default(DEFAULT_SUBJECT)
        .describe(
          'Subject of an event: `{host}`, `{project}`, `{run}`, `{task}`, `{session}` and `{type}` are filled in.',
        )
        .meta({ title: 'subject', examples: ['belay.{project}.{run}.{type}'] }),
      session_subject: z
        .string({ error: SUBJECT })
        .refine(isSubject, { error: SUBJECT })
        .default(DEFAULT_SESSION_SUBJECT)
        .describe('Subject of an event that is in no run: of `belay exec` and `belay chat`.')
        .meta({ title: 'subject', examples: ['belay.{session}.{type}'] }),
      max_payload: whole(1024, 1_048_576)
        .default(65_536)
        .describe('Bytes that one event may have; longer texts in it are cut. A server that takes less gets less.'),
      flush: duration()
        .default('5s')
        .describe('How long the end of a run, an exec or a chat waits for events that are not published yet.')
        .meta({ examples: ['2s'] }),
    })
      .prefault({})
      .describe('NATS.'),
  })
    .prefault({})
    .describe('Where else the events of runs go; see docs/events.md. An outage never stops a run.'),
  notify: notifyKeys('the repository root'),
})

/** The `notify` keys; a program with a slash is relative to `root`. */
export function notifyKeys(root: string) {
  return mapping({
    command: z
      .union([text('a command (text that is not empty)'), argv], { error: 'a command (text) or a list of arguments' })
      .optional()
      .describe(
        `Run when a task needs a person, and when a run ends. Text is run by \`/bin/sh -c\`; in a list, a first argument with a slash is relative to ${root}.`,
      )
      .meta({ title: 'text or list of arguments', examples: ['notify-send Belay'] }),
  })
    .prefault({})
    .describe('Who is told.')
}

/** What a configuration file may contain. */
export type ConfigInput = z.input<typeof configSchema>

/** A checked configuration with its defaults, still with the file's key names. */
export type ParsedConfig = z.output<typeof configSchema>

/** The JSON Schema of configuration files, as published. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    title: 'Belay configuration',
    description: 'belay.yaml or belay.toml',
    ...z.toJSONSchema(configSchema, { io: 'input' }),
  }
}
