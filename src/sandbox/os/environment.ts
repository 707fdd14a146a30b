import { homedir } from 'node:os'

/** Where a system keeps its own programs: what makes a sandbox is never looked up where an agent may write. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin'

/** What the dynamic linker and shells obey: it must not act on the programs that make the sandbox. */
function isLoaderVariable(name: string): boolean {
  return /^(PATH|ENV|IFS|LD_.*|DYLD_.*|BASH_.*)$/.test(name)
}

/** The environment of the programs that make the sandbox: nothing in it changes what they are. */
export function outside(env: Readonly<Record<string, string>>): Record<string, string> {
  const safe = Object.entries(env).filter(([name]) => !isLoaderVariable(name))
  return { ...Object.fromEntries(safe), PATH: SYSTEM_PATH }
}

/** What `outside` took from an environment, to be set again inside. */
export function restored(env: Readonly<Record<string, string>>): [string, string][] {
  const taken = Object.entries(env).filter(([name]) => isLoaderVariable(name))
  return env['PATH'] === undefined ? [...taken, ['PATH', SYSTEM_PATH]] : taken
}

/** Belay's own environment: what says where this user's secrets are. */
export function hostEnvironment(): Readonly<Record<string, string | undefined>> {
  return { HOME: homedir(), ...process.env }
}
