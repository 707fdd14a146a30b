import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** The user's own configuration, instructions and skills: `belay` under XDG's configuration folder. */
export function configHome(env: Readonly<Record<string, string | undefined>>): string {
  const xdg = env['XDG_CONFIG_HOME']
  // XDG: a relative value is to be ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.config'), 'belay')
}

/** Belay's state folder: `BELAY_HOME`, else `belay` under XDG's state folder. */
export function stateHome(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['BELAY_HOME']
  if (own) return resolve(own)
  const xdg = env['XDG_STATE_HOME']
  // XDG: a relative value is to be ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(env['HOME'] ?? homedir(), '.local', 'state'), 'belay')
}
