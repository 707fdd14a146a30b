/** How opencode is set up for one turn, however it is spoken to. */
import type { TurnRequest } from '../port.ts'
import { permissionsOf } from './approvals.ts'

/** Defaults below the request's environment. */
export function opencodeEnvironment({ access }: Pick<TurnRequest, 'access'>): Readonly<Record<string, string>> {
  return {
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    // A reviewer's workspace holds the change under review: its plugins are code.
    ...(access === 'read-only' ? { OPENCODE_DISABLE_PROJECT_CONFIG: '1' } : {}),
  }
}

/** The permissions of the turn, above all settings. */
export function opencodeSettings(request: Pick<TurnRequest, 'access' | 'approve'>): Readonly<Record<string, string>> {
  // By ACP nobody can say why it was denied; without this the turn would end there, without a word.
  const experimental = { continue_loop_on_deny: true }
  return { OPENCODE_CONFIG_CONTENT: JSON.stringify({ permission: permissionsOf(request), experimental }) }
}
