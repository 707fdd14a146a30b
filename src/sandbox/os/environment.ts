import { homedir } from 'node:os'

/** Where a system keeps its own programs. The programs that make a sandbox are never looked up where an agent may write. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin'

/** Variables that the dynamic linker and shells obey. They must not affect the programs that make the sandbox. */
function isLoaderVariable(name: string): boolean {
  return /^(PATH|ENV|IFS|LD_.*|DYLD_.*|BASH_.*)$/.test(name)
}

/** The environment for the programs that make the sandbox, without variables that could change what they do. */
export function outside(env: Readonly<Record<string, string>>): Record<string, string> {
  const safe = Object.entries(env).filter(([name]) => !isLoaderVariable(name))
  return { ...Object.fromEntries(safe), PATH: SYSTEM_PATH }
}

/** The variables that `outside` removed from an environment, to be set again inside. */
export function restored(env: Readonly<Record<string, string>>): [string, string][] {
  const taken = Object.entries(env).filter(([name]) => isLoaderVariable(name))
  return env['PATH'] === undefined ? [...taken, ['PATH', SYSTEM_PATH]] : taken
}

/** Belay's own environment, which tells where this user's secrets are. */
export function hostEnvironment(): Readonly<Record<string, string | undefined>> {
  return { HOME: homedir(), ...process.env }
}
