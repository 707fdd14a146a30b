import type { TurnRequest } from '../port.ts'

/** Values of `--thinking`. */
export const EFFORTS = ['off', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

/** Read-only is what the tools can do. No extensions: they are code, and what they add is not known. */
const READ_ONLY = ['--tools', 'read,grep,find,ls', '--no-extensions']

/** Ids of sessions, as pi makes them. */
const SESSION = /^[0-9a-f]{8}[0-9a-f-]*$/i

/** Whether this can be a conversation of pi; anything else could be taken for a path or a flag. */
export function isSession(native: string): boolean {
  return SESSION.test(native)
}

/**
 * The command line of one turn. pi reads values as words of their own: a model that begins with a dash is refused before.
 * Project settings and extensions are left out (`--no-approve`): they are code of the repository.
 */
export function argvOf({ command, model, effort, resume, access }: TurnRequest): readonly string[] {
  return [
    ...(command ?? ['pi']),
    '--mode',
    'rpc',
    '--no-approve',
    ...(access === 'read-only' ? READ_ONLY : []),
    ...(model === null ? [] : ['--model', model]),
    ...(effort === null ? [] : ['--thinking', effort]),
    ...(resume === null ? [] : ['--session', resume]),
  ]
}

/** What can be said against a request before anything is started, or null. */
export function refusalOf({ model, resume }: TurnRequest): string | null {
  if (model !== null && !/^[\w@]/.test(model)) return `${JSON.stringify(model)} cannot be a model of pi`
  if (resume !== null && !isSession(resume)) return `${JSON.stringify(resume)} cannot be a conversation of pi`
  return null
}

/** Defaults below the request's environment: no look for updates and no telemetry in the middle of a run. */
export function environmentOf({ env }: TurnRequest): Readonly<Record<string, string>> {
  return { PI_OFFLINE: '1', PI_SKIP_VERSION_CHECK: '1', PI_TELEMETRY: '0', ...env }
}
