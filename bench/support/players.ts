import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { claudeEnv } from '../../src/agents/claude/testing/harness.ts'
import { codexHome } from '../../src/agents/codex/testing/harness.ts'
import { opencodeHome } from '../../src/agents/opencode/testing/home.ts'
import { piHome } from '../../src/agents/pi/testing/harness.ts'
import { agentCli, cliMissing, pathWithClis, type CliName } from '../../test/support/agent-clis.ts'
import type { ModelRequest } from '../../test/support/model-server/index.ts'

const BUILT = fileURLToPath(new URL('../../test/support/built.cjs', import.meta.url))

/** A program that can do the scripted task. */
export interface Player {
  readonly name: string
  /** A call of its shell tool. */
  call(command: string): { readonly name: string; readonly input: Readonly<Record<string, unknown>> }
  /** Whether a model request is not part of the task, for instance one for a title. */
  readonly isSide: (request: ModelRequest) => boolean
  /** Program, arguments and environment for a model at `url`; `home` is an empty folder of its own. */
  start(url: string, home: string): Start
}

export interface Start {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Removes what was created beside `home`. */
  readonly remove: () => void
}

const BASE = { PATH: pathWithClis(), TMPDIR: tmpdir(), TZ: 'UTC' }
const nothing = (): void => {}
const never = (): boolean => false

const BELAY_FLAGS = ['--agent', 'engine', '--model', 'openai-compatible/m1']
const CLAUDE_FLAGS = ['--output-format', 'stream-json', '--verbose', '--dangerously-skip-permissions']

/** Belay's own agent in a sandbox. */
export function belay(sandbox: string): Player {
  return {
    name: `belay exec (${sandbox})`,
    call: (command) => ({ name: 'bash', input: { command } }),
    isSide: never,
    start: (url, home) => ({
      argv: [process.execPath, BUILT, 'exec', 'go', ...BELAY_FLAGS, '--sandbox', sandbox],
      env: {
        ...BASE,
        HOME: home,
        BELAY_HOME: join(home, 'state'),
        OPENAI_BASE_URL: `${url}/v1`,
        OPENAI_API_KEY: 'scripted',
        // Compiled code is kept between starts, as on a user's machine; the home is new each time.
        NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      },
      remove: nothing,
    }),
  }
}

const pi: Player = {
  name: 'pi -p',
  call: (command) => ({ name: 'bash', input: { command } }),
  isSide: never,
  start: (url) => {
    const { env, remove } = piHome(url)
    const offline = { PI_OFFLINE: '1', PI_SKIP_VERSION_CHECK: '1', PI_TELEMETRY: '0' }
    return { argv: [cli('pi'), '-p', 'go', '--mode', 'json'], env: { ...BASE, ...offline, ...env }, remove }
  },
}

const claude: Player = {
  name: 'claude -p',
  call: (command) => ({ name: 'Bash', input: { command } }),
  isSide: never,
  start: (url, home) => ({
    argv: [cli('claude'), '-p', 'go', ...CLAUDE_FLAGS],
    env: { ...BASE, ...claudeEnv(url, 'key'), HOME: home },
    remove: nothing,
  }),
}

const codex: Player = {
  name: 'codex exec',
  call: (command) => ({ name: 'exec_command', input: { cmd: command } }),
  isSide: never,
  start: (url) => {
    const { env, remove } = codexHome(url)
    const alone = ['--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox']
    return { argv: [cli('codex'), 'exec', ...alone, 'go'], env, remove }
  },
}

const opencode: Player = {
  name: 'opencode run',
  call: (command) => ({ name: 'bash', input: { command, description: 'run it' } }),
  // It lets the model name the session, in a call without tools.
  isSide: ({ tools }) => tools.length === 0,
  start: (url) => {
    const { env, remove } = opencodeHome(url)
    return { argv: [cli('opencode'), 'run', '--format', 'json', '--auto', 'go'], env: { ...BASE, ...env }, remove }
  },
}

const PEERS: readonly (readonly [CliName, Player])[] = [
  ['pi', pi],
  ['claude', claude],
  ['codex', codex],
  ['opencode', opencode],
]

/** The other agents that are installed here; reports missing ones on stderr. */
export function installedPeers(): readonly Player[] {
  return PEERS.flatMap(([name, player]) => {
    const missing = cliMissing(name)
    if (missing === null) return [player]
    process.stderr.write(`${player.name}: left out, ${missing}\n`)
    return []
  })
}

function cli(name: CliName): string {
  return agentCli(name) ?? name
}
