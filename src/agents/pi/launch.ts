import type { TurnRequest } from '../port.ts'

/** Values of `--thinking`. */
export const EFFORTS = ['off', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

/** Read-only is enforced by the set of tools. Extensions are left out: they are code, and may add any tool. */
const READ_ONLY = ['--tools', 'read,grep,find,ls', '--no-extensions']

/** Session ids, as pi creates them. */
const SESSION = /^[0-9a-f]{8}[0-9a-f-]*$/i

/** Whether this can be a session id of pi; anything else might be taken for a path or a flag. */
export function isSession(native: string): boolean {
  return SESSION.test(native)
}

/**
 * The command line of one turn. pi takes values as separate arguments, so `refusalOf` must have refused a model that starts
 * with a dash. Project settings and extensions are left out (`--no-approve`), because they are code of the repository.
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

/** Why a request cannot be served, before anything is started; null: it can. */
export function refusalOf({ model, resume }: TurnRequest): string | null {
  if (model !== null && !/^[\w@]/.test(model)) return `${JSON.stringify(model)} cannot be a model of pi`
  if (resume !== null && !isSession(resume)) return `${JSON.stringify(resume)} cannot be a conversation of pi`
  return null
}

/** Default variables, which the request's environment overrides: no update checks and no telemetry during a run. */
export function environmentOf({ env }: TurnRequest): Readonly<Record<string, string>> {
  return { PI_OFFLINE: '1', PI_SKIP_VERSION_CHECK: '1', PI_TELEMETRY: '0', ...env }
}
