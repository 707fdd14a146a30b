import type { JsonSchema, TurnRequest } from '../port.ts'

/** Values of `--effort`. */
export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** Tools that make no sense without a person, or that would leave the workspace or outlive the turn. */
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
 * Read-only is what the tools can do, not what is allowed: no tool that writes is there, so no rule in anyone's settings
 * can let one through. No shell either: what a command line writes cannot be told for sure. Project settings are left out,
 * because their hooks are commands that the change under review may have written.
 */
const READ_ONLY = [`--tools=${READ_ONLY_TOOLS.join(',')}`, '--permission-mode=dontAsk', '--setting-sources=user']

/** The CLI does not confine writes to the workspace; that is what a sandbox is for. */
const WRITING = ['--permission-mode=bypassPermissions']

/** Somebody decides: everything that writes, runs or reaches out is asked for, unless the user's own rules allow it. */
const ASKING = ['--permission-mode=default']

/** How far the agent may go by itself. */
function accessFlags({ access, approve }: Pick<TurnRequest, 'access' | 'approve'>): readonly string[] {
  if (access === 'read-only') return READ_ONLY
  return approve === null ? WRITING : ASKING
}

/** The command line of one turn. Values that others wrote are `--flag=value`, so that none can become a flag. */
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
    // An echo says that a message was taken; one that was sent may still wait.
    ...(steer === null ? [] : ['--replay-user-messages']),
    ...(model === null ? [] : [`--model=${model}`]),
    ...(effort === null ? [] : [`--effort=${effort}`]),
    ...(resume === null ? [] : [`--resume=${resume}`]),
    ...(outputSchema === null ? [] : [`--json-schema=${schemaText(outputSchema)}`]),
  ]
}

/**
 * The environment of one turn: the request's, and two defaults it may overrule: no update in the middle of a run, and no
 * tasks in the background, because a turn ends with its answer.
 */
export function environmentOf(request: TurnRequest): Readonly<Record<string, string>> {
  return { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1', ...request.env }
}

/** The CLI's validator knows no dialect by name and refuses a schema that names one. */
function schemaText(schema: JsonSchema): string {
  return JSON.stringify(Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema')))
}

/** A message whose first character is a slash would be run as a command of the CLI; after a line feed it is text. */
export function promptOf(prompt: string): string {
  return prompt.startsWith('/') ? `\n${prompt}` : prompt
}
