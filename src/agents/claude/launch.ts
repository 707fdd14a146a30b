import type { JsonSchema, TurnRequest } from '../port.ts'

/** Values of `--effort`. */
export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** Tools that need a person, leave the workspace, or outlive the turn. */
const DISALLOWED = [
  'AskUserQuestion',
  'CronCreate',
  'CronDelete',
  'CronList',
  'EnterPlanMode',
  'EnterWorktree',
  'ExitPlanMode',
  'ExitWorktree',
  'RemoteTrigger',
  'ScheduleWakeup',
]

export const READ_ONLY_TOOLS = ['Read', 'Grep', 'Glob'] as const

/**
 * Read-only is enforced by the set of tools, not by permissions: without a tool that writes, no rule in anyone's settings can
 * allow writing. There is no shell either, because what a command line writes cannot be known for certain. Project settings are
 * left out: their hooks are commands that the change under review may have written.
 */
const READ_ONLY = [`--tools=${READ_ONLY_TOOLS.join(',')}`, '--permission-mode=dontAsk', '--setting-sources=user']

/** The CLI does not confine writes to the workspace; a sandbox has to. */
const WRITING = ['--permission-mode=bypassPermissions']

/** With an approver: everything that writes, runs or reaches out is asked about, unless the user's own rules allow it. */
const ASKING = ['--permission-mode=default']

/** Flags for what the agent may do without asking. */
function accessFlags({ access, approve }: Pick<TurnRequest, 'access' | 'approve'>): readonly string[] {
  if (access === 'read-only') return READ_ONLY
  return approve === null ? WRITING : ASKING
}

/** The command line of one turn. Values from other people are passed as `--flag=value`, so that none can become a flag. */
export function argvOf(request: TurnRequest): readonly string[] {
  const { command, model, effort, resume, outputSchema, steer } = request
  return [
    ...(command ?? ['claude']),
    '-p',
    '--input-format=stream-json',
    '--output-format=stream-json',
    '--verbose',
    '--include-partial-messages',
    '--permission-prompt-tool=stdio',
    '--strict-mcp-config',
    `--disallowedTools=${DISALLOWED.join(',')}`,
    ...accessFlags(request),
    // The echo tells that a message was taken; a message that was only sent may still wait.
    ...(steer === null ? [] : ['--replay-user-messages']),
    ...(model === null ? [] : [`--model=${model}`]),
    ...(effort === null ? [] : [`--effort=${effort}`]),
    ...(resume === null ? [] : [`--resume=${resume}`]),
    ...(outputSchema === null ? [] : [`--json-schema=${schemaText(outputSchema)}`]),
  ]
}

/**
 * The environment of one turn: the request's, with two defaults that it may override. No updates during a run, and no
 * background tasks, because a turn ends with its answer.
 */
export function environmentOf(request: TurnRequest): Readonly<Record<string, string>> {
  return { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1', ...request.env }
}

/** The CLI's validator refuses schemas that name a dialect. */
function schemaText(schema: JsonSchema): string {
  return JSON.stringify(Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema')))
}

/** The CLI would run a message that starts with a slash as a command; after a line feed it is text. */
export function promptOf(prompt: string): string {
  return prompt.startsWith('/') ? `\n${prompt}` : prompt
}
