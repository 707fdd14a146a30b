import { readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { stateHome } from '../core/home.ts'
import { HIDDEN_AT_HOME, SECRET_OF_THE_MACHINE } from '../core/secret-files.ts'
import { PathResolver, isWithin } from './paths.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Paths that no confined program may read, whether they exist or not: Belay's record, keys and logins (also agents'), other
 * people's homes. Absolute paths; symbolic links are not followed.
 */
export function secretPaths(env: Environment = process.env, paths = new PathResolver()): readonly string[] {
  const home = env['HOME'] ?? homedir()
  const named = [
    'DOCKER_CONFIG',
    'KUBECONFIG',
    'GNUPGHOME',
    'AWS_SHARED_CREDENTIALS_FILE',
    'AWS_CONFIG_FILE',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'PGPASSFILE',
    'NETRC',
    'NPM_CONFIG_USERCONFIG',
    'npm_config_userconfig',
    'HISTFILE',
    'CLOUDSDK_CONFIG',
    'GH_CONFIG_DIR',
  ]
  return [
    stateHome(env),
    ...HIDDEN_AT_HOME.map((path) => join(home, path)),
    ...named.flatMap(
      (name) => env[name]?.split(':').filter((path) => path.startsWith('/') && !path.startsWith('/dev/')) ?? [],
    ),
    ...hostKeys(),
    ...SECRET_OF_THE_MACHINE,
    ...otherHomes(home, paths),
  ]
}

function hostKeys(): string[] {
  return entries('/etc/ssh').filter((path) => path.endsWith('_key'))
}

function otherHomes(home: string, paths: PathResolver): string[] {
  const ours = paths.real(home)
  const roots = process.platform === 'darwin' ? ['/Users'] : ['/home']
  const others = [...roots.flatMap(entries), '/root', '/var/root']
  return others.filter(
    (path) => !isWithin(ours, paths.real(path)) && !['/Users/Shared', '/home/linuxbrew'].includes(path),
  )
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return [] // missing, or not readable for us and so not for the sandbox either
  }
}
