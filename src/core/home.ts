import { homedir, userInfo } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { BelayError } from './errors.ts'

/** The user's home folder: HOME if it is an absolute path, else what the system says. */
function userHome(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'] ?? homedir()
  return isAbsolute(home) ? home : userInfo().homedir
}

/** The folder with the user's own configuration, instructions and skills: `belay` in the XDG configuration folder. */
export function configHome(env: Readonly<Record<string, string | undefined>>): string {
  const xdg = env['XDG_CONFIG_HOME']
  // XDG: a relative value is to be ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(userHome(env), '.config'), 'belay')
}

/**
 * Belay's state folder: `BELAY_HOME`, else `belay` in the XDG state folder. Throws `folder_unusable` for a folder below /proc,
 * where creating one would make Node try forever.
 */
export function stateHome(env: Readonly<Record<string, string | undefined>>): string {
  const folder = stateFolder(env)
  if (folder !== '/proc' && !folder.startsWith('/proc/')) return folder
  throw new BelayError('folder_unusable', `Belay cannot keep its state in ${folder}: no folder can be made there`, {
    expected: 'a folder that can be made and written',
    received: folder,
    next: 'BELAY_HOME names another state folder; without it, it is below XDG_STATE_HOME or HOME',
  })
}

function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['BELAY_HOME']
  if (own) return resolve(own)
  const xdg = env['XDG_STATE_HOME']
  // XDG: a relative value is to be ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(userHome(env), '.local', 'state'), 'belay')
}
