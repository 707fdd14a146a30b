/** The kinds of places that a path can lead to. */
import { lstatSync, readlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { configHome, stateHome } from '../core/home.ts'
import { SECRET_AT_HOME, SECRET_OF_THE_MACHINE } from '../core/secret-files.ts'

/** Names of places, as rules write them after `@`. */
export const PLACES = [
  'workspace',
  'git',
  'belay',
  'env',
  'tmp',
  'home',
  'secret',
  'startup',
  'state',
  'system',
  'device',
  'root',
  'outside',
] as const
export type Place = (typeof PLACES)[number]

/** The absolute folders against which paths are judged. */
export interface Surroundings {
  readonly workspace: string
  readonly home: string
  /** Belay's state folder. */
  readonly state: string
  /** The folder with the user's own configuration of Belay. */
  readonly config: string
  /** Target of the symbolic link `path`; null: it is not a link. */
  readonly readLink: (path: string) => string | null
}

const HARMLESS = /^\/dev\/(null|stdin|stdout|stderr|tty|zero|full|u?random|fd\/\d+)$/
const TEMPORARY = ['/tmp', '/var/tmp', '/private/tmp', '/var/folders', '/private/var/folders', '/dev/shm']
const SYSTEM = (
  '/etc /usr /bin /sbin /lib /lib32 /lib64 /libx32 /boot /opt /var /run /srv /sys /proc /snap /nix ' +
  '/System /Library /Applications /private /cores'
).split(' ')
const SECRET_HOME = new Set(SECRET_AT_HOME)
const SECRET_MACHINE = new Set(SECRET_OF_THE_MACHINE)
const SECRET_ANYWHERE =
  /^\/(etc\/ssh\/.*key|proc\/[^/]+\/(environ|mem|(root|cwd)(\/.*)?)|(var\/)?run\/secrets(\/.*)?)$|(^|\/)(id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(p12|pfx|keystore|jks))$/
const STARTUP =
  /^(\.(bash|zsh)?(rc|_profile|_login|_logout|_aliases)|\.bash.*|\.z(sh.*|profile|login|logout)|\.profile|\.login|\.inputrc|\.pam_environment|\.xinitrc|\.xprofile|\.xsession.*|\.gitconfig|\.vimrc|\.emacs(\.d)?|\.curlrc|\.wgetrc|\.config\/(git|fish|autostart|systemd|nvim|environment\.d)|Library\/Launch(Agents|Daemons)|\.local\/bin|bin)(\/|$)/
const ENV_FILE = /^\.env(\..+)?$|^\.envrc$/
/** Files that configure Belay: its configuration, and the project's agents, skills and servers. */
const BELAY_FILE = /(^|\/)(belay\.(yaml|yml|toml)$|\.belay(\/|$))/i
const ENV_SAMPLE = /\.(example|sample|template|dist|defaults?)$/

/** How many symbolic links are followed. */
const MOST_LINKS = 40

/** The kinds of place that the absolute `path` is; for a link, also those of its target. */
export function placesOf(path: string, around: Surroundings): ReadonlySet<Place> {
  const lexical = resolve(path)
  const physical = follow(lexical, around)
  const places = new Set<Place>()
  if (HARMLESS.test(lexical)) return places
  const workspace = follow(around.workspace, around)
  const home = follow(around.home, around)
  if (within(physical, workspace)) {
    places.add('workspace')
    if (physical === workspace) places.add('root')
  } else describeOutside(physical, home, workspace, places)
  for (const [one, base] of [
    [physical, home],
    [lexical, around.home],
  ] as const) {
    const inHome = within(one, base) ? one.slice(base.length + 1) : null
    if (SECRET_ANYWHERE.test(one) || isIn(one, SECRET_MACHINE) || (inHome !== null && isIn(inHome, SECRET_HOME)))
      places.add('secret')
    if (inHome !== null && STARTUP.test(inHome) && !places.has('workspace')) places.add('startup')
    if (one.split('/').some((part) => part.toLowerCase() === '.git')) places.add('git')
  }
  const inWorkspace = within(physical, workspace) ? physical.slice(workspace.length + 1) : null
  if (BELAY_FILE.test(inWorkspace ?? basename(physical)) || within(physical, follow(around.config, around)))
    places.add('belay')
  const name = basename(physical)
  if (ENV_FILE.test(name) && !ENV_SAMPLE.test(name)) places.add('env')
  const state = follow(around.state, around)
  if (within(physical, state) && !within(physical, workspace)) places.add('state')
  return places
}

function describeOutside(path: string, home: string, workspace: string, places: Set<Place>): void {
  if (path === '/' || path === '/home' || path === '/Users' || within(home, path) || within(workspace, path)) {
    places.add('root')
  }
  if (within(path, home) || /^\/(home|Users|root)(\/|$)/.test(path)) places.add('home')
  else if (TEMPORARY.some((folder) => within(path, folder))) {
    places.add('tmp')
    if (!TEMPORARY.includes(path)) return // a temporary folder itself may be an ancestor of the workspace
  } else if (path.startsWith('/dev/') || path === '/dev') places.add('device')
  else if (SYSTEM.some((folder) => within(path, folder))) places.add('system')
  places.add('outside')
}

/** Whether `path` is `folder` or in it. */
export function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/** Whether `path` is one of `places`, or in one. */
function isIn(path: string, places: ReadonlySet<string>): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (places.has(at)) return true
    if (at === dirname(at)) return false
  }
}

/** The real path: `..` after a link goes up from the link's target. Parts that do not exist stay as written. */
export function follow(path: string, around: Pick<Surroundings, 'readLink'>): string {
  const waiting = path.split('/').reverse()
  let at = '/'
  let links = 0
  while (waiting.length > 0) {
    const part = waiting.pop()
    if (part === undefined || part === '' || part === '.') continue
    if (part === '..') {
      at = dirname(at)
      continue
    }
    const next = join(at, part)
    const target = links < MOST_LINKS ? around.readLink(next) : null
    if (target === null) at = next
    else {
      links += 1
      if (target.startsWith('/')) at = '/'
      waiting.push(...target.split('/').reverse())
    }
  }
  return at
}

/** Target of a symbolic link on this machine; null: it is not a link. */
export function readLink(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null
  } catch {
    return null // missing, or not readable: taken as written
  }
}

/** Home, state and configuration folder of the current user. */
export function ownSurroundings(env: Readonly<Record<string, string | undefined>> = process.env): {
  home: string
  state: string
  config: string
} {
  return { home: env['HOME'] ? env['HOME'] : homedir(), state: stateHome(env), config: configHome(env) }
}
