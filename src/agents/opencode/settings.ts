/** Settings of opencode for one turn, for both its server and ACP. */
import type { TurnRequest } from '../port.ts'
import { permissionsOf } from './approvals.ts'

/** Default variables; the request's environment overrides them. */
export function opencodeEnvironment({ access }: Pick<TurnRequest, 'access'>): Readonly<Record<string, string>> {
  return {
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    // A reviewer's workspace holds the change under review, whose plugins are code.
    ...(access === 'read-only' ? { OPENCODE_DISABLE_PROJECT_CONFIG: '1' } : {}),
  }
}

/** The turn's permissions; they override all other settings. */
export function opencodeSettings(request: Pick<TurnRequest, 'access' | 'approve'>): Readonly<Record<string, string>> {
  // ACP cannot carry the reason of a denial; without this setting a denial would silently end the turn.
  const experimental = { continue_loop_on_deny: true }
  return { OPENCODE_CONFIG_CONTENT: JSON.stringify({ permission: permissionsOf(request), experimental }) }
}
