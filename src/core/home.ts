import { homedir, userInfo } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** The user's home: HOME, and without it (or empty, or relative) what the system knows of this user. */
function userHome(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'] ?? homedir()
  return isAbsolute(home) ? home : userInfo().homedir
}

/** The user's own configuration, instructions and skills: `belay` under XDG's configuration folder. */
export function configHome(env: Readonly<Record<string, string | undefined>>): string {
  const xdg = env['XDG_CONFIG_HOME']
  // XDG: a relative value is to be ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(userHome(env), '.config'), 'belay')
}

/** Belay's state folder: `BELAY_HOME`, else `belay` under XDG's state folder. */
export function stateHome(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['BELAY_HOME']
  if (own) return resolve(own)
  const xdg = env['XDG_STATE_HOME']
  // XDG: a relative value is to be ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(userHome(env), '.local', 'state'), 'belay')
}
