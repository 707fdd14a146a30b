import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { startTestDocker } from '../src/sandbox/testing/docker.ts'
import { cannotRun } from '../src/sandbox/testing/harness.ts'
import { TEST_IMAGE } from '../src/sandbox/testing/image.ts'
import { startModelServer, type ModelServer } from './support/model-server/index.ts'
import { World } from './support/world.ts'

/** What one program could do, as seen from outside. */
type Could = readonly ('write' | 'outside' | 'config' | 'state' | 'key' | 'fact' | 'network')[]

const ALL: Could = ['write', 'outside', 'config', 'state', 'key', 'fact', 'network']

/** Access by sandbox: what a program there can do, whoever starts it. The key and the fact it reads, all else it changes. */
const TABLE: readonly [sandbox: 'host' | 'os' | 'docker', access: string, could: Could][] = [
  ['host', 'read-only', ALL],
  ['host', 'workspace-write', ALL],
  ['host', 'full', ALL],
  ['os', 'read-only', ['fact']],
  ['os', 'workspace-write', ['write', 'fact']],
  ['os', 'full', ['write', 'outside', 'config', 'key', 'fact']],
  ['docker', 'read-only', []],
  ['docker', 'workspace-write', ['write']],
  ['docker', 'full', ['write', 'config']],
]

const WHY = {
  host: null,
  os: (await findBackend('os').probe())?.message ?? null,
  docker: await startTestDocker(),
}

let world: World
let place: string
let server: Server
let model: ModelServer | undefined
let reached: string[]
beforeEach(async () => {
  world = new World()
  // Not in a folder for temporary files: a sandbox has its own of those.
  mkdirSync(join(homedir(), '.cache'), { recursive: true })
  place = realpathSync(mkdtempSync(join(homedir(), '.cache', 'belay-table-')))
  for (const folder of ['outside', 'state', 'home/.ssh']) mkdirSync(join(place, folder), { recursive: true })
  writeFileSync(join(place, 'home/.ssh/id_test'), 'PRIVATE')
  writeFileSync(join(place, 'outside/fact'), 'FACT')
  Object.assign(world.env, { HOME: join(place, 'home'), BELAY_HOME: join(place, 'state') })
  reached = []
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (who) => reached.push(...who.toString().trim().split('\n')))
    socket.end('hello\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  world.files({ 'probe.sh': probe() })
})
afterEach(async () => {
  await model?.close()
  model = undefined
  server.close()
  world.dispose()
  rmSync(place, { recursive: true, force: true })
})

/** Tries everything in the name of `$1` and goes on whatever happens; says what it read. For any shell. */
function probe(): string {
  const { port } = server.address() as AddressInfo
  const connect = `socket(S, AF_INET, SOCK_STREAM, 0); connect(S, pack_sockaddr_in(${port}, inet_aton("127.0.0.1"))) or exit; syswrite S, "$ARGV[0]\\n"; <S>`
  return [
    'exec 2>/dev/null',
    'who=$1',
    'echo x > made-$who',
    `echo x > ${place}/outside/$who`,
    'echo "# $who" >> "$(git rev-parse --path-format=absolute --git-common-dir)/config"',
    `echo x > ${place}/state/made-$who`,
    `perl -MSocket -e '${connect}' $who`,
    `echo "read: $who $(test -s made-$who && echo WROTE) $(cat ${place}/home/.ssh/id_test) $(cat ${place}/outside/fact)"`,
    'exit 0',
    '',
  ].join('\n')
}

/** What `who` could do: by what is there afterwards, and for what it read by what it said. */
function could(who: string, said: string): Could {
  const line = said.split('\n').find((one) => one.includes(`read: ${who} `)) ?? ''
  expect(line, `${who} did not run: ${said.slice(-2000)}`).not.toBe('')
  const did: Record<Could[number], boolean> = {
    // Where a gate works is gone by then.
    write: line.includes('WROTE'),
    outside: existsSync(join(place, 'outside', who)),
    config: readFileSync(join(world.repo, '.git/config'), 'utf8').includes(`# ${who}`),
    state: existsSync(join(place, 'state', `made-${who}`)),
    key: line.includes('PRIVATE'),
    fact: line.includes('FACT'),
    network: reached.includes(who),
  }
  return ALL.filter((name) => did[name])
}

/** The `sandbox` key of a role, or of `verify`. */
function sandboxKey(backend: string, network: boolean): string {
  const image = backend === 'docker' ? `, image: "${TEST_IMAGE}"` : ''
  return `{backend: ${backend}${image}${network && backend !== 'host' ? ', network: none' : ''}}`
}

const env = { DOCKER_HOST: process.env['DOCKER_HOST'] ?? '' }

async function engine(backend: string, access: string): Promise<Could> {
  model = await startModelServer({
    steps: [
      { reply: { calls: [{ name: 'bash', input: { command: 'sh ./probe.sh engine' } }] } },
      { reply: { say: 'done' } },
    ],
  })
  Object.assign(world.env, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key' })
  const role = `{provider: engine, model: anthropic/claude-sonnet-5, sandbox: ${sandboxKey(backend, false)}}`
  // The command policy is another matter.
  world.files({ 'belay.yaml': `policy: {commands: {allow: ["sh *"]}}\nworkflow: {roles: {implementer: ${role}}}\n` })
  world.commit()
  const ran = await world.belay(['exec', 'x', '--access', access], { env })
  expect(ran.code, ran.stderr).toBe(0)
  const did = could('engine', model.requests.at(-1)?.text ?? '')
  expect(existsSync(join(world.repo, 'made-engine'))).toBe(did.includes('write'))
  return did
}

async function agent(backend: string, access: string): Promise<Could> {
  const lines = [
    'cat > /dev/null',
    'said=$(sh ./probe.sh agent)',
    `echo "{\\"type\\":\\"message\\",\\"text\\":\\"$said\\"}"`,
    `echo '{"type":"result","output":{}}'`,
  ]
  const role = `{provider: command, command: [/bin/sh, ./agent.sh], sandbox: ${sandboxKey(backend, true)}}`
  world.files({ 'agent.sh': lines.join('\n'), 'belay.yaml': `workflow: {roles: {implementer: ${role}}}\n` }).commit()
  const ran = await world.belay(['exec', 'x', '--access', access], { env })
  expect(ran.code, ran.stderr).toBe(0)
  const did = could('agent', ran.stdout)
  expect(existsSync(join(world.repo, 'made-agent'))).toBe(did.includes('write'))
  return did
}

describe.each(TABLE)('%s, %s', (backend, access, wanted) => {
  const why = WHY[backend]
  if (why !== null) return cannotRun(`what can be done in ${backend} with ${access}`, why)
  it('the engine by belay exec', async () => expect(await engine(backend, access)).toEqual(wanted))
  it('an agent that is a program of its own', async () => expect(await agent(backend, access)).toEqual(wanted))
})

/** Gates and setup always have `workspace-write`. */
describe.each(TABLE.filter(([, access]) => access === 'workspace-write'))('%s', (backend, _, wanted) => {
  const why = WHY[backend]
  if (why !== null) return cannotRun(`what gates and setup can do in ${backend}`, why)
  it('a gate, and a setup command, of belay run', async () => {
    world.script({ implementer: { '*': [{ files: { 'made.txt': 'made\n' } }] } })
    const gate = 'cat setup.txt; sh ./probe.sh gate'
    const key = sandboxKey(backend, false)
    world.config(
      `verify: {commands: [{run: "${gate}", name: probe}], sandbox: ${key}}\nworkspace: {setup: ["sh ./probe.sh setup > setup.txt"]}\n`,
    )
    world.commit()
    const ran = await world.belay(['run', 'make the file'], { env })
    expect(ran.code, ran.stdout + ran.stderr).toBe(0)
    const { evidence } = await world.json<{ evidence: { output_head: string }[] }>(['show', 'prompt'])
    const said = evidence.at(-1)?.output_head ?? ''
    expect([could('gate', said), could('setup', said)]).toEqual([wanted, wanted])
  })
})

/** What no cell of the table has is refused, before anything is started. */
describe('refused', () => {
  const agentIn = (sandbox: string): string =>
    `workflow: {roles: {implementer: {provider: command, command: [sh, -c, "echo > ran"], sandbox: ${sandbox}}}}\n`

  it.each<[string, string[], string]>([
    ['host', ['--network', 'none'], 'sandbox_unenforceable'],
    ['host', ['--network', 'a.example'], 'sandbox_unenforceable'],
    ['docker', ['--network', 'full'], 'sandbox_unenforceable'],
    ['docker', ['--network', 'a.example'], 'sandbox_unenforceable'],
    // Agents have the network unless it is said that they have not.
    ['docker', [], 'sandbox_unenforceable'],
    ['{backend: host, memory: 1g}', [], 'sandbox_unenforceable'],
    ['{backend: os, disk: 1g}', [], 'sandbox_unenforceable'],
    ['{backend: docker, disk: 1g, network: none}', [], 'sandbox_unenforceable'],
    ['{backend: os, image: a}', [], 'sandbox_unenforceable'],
    ['{backend: os, runtime: runsc}', [], 'sandbox_unenforceable'],
    ['{backend: os, access: read-only}', [], 'config_invalid'],
    ['firecracker', [], 'config_invalid'],
    ['os', ['--sandbox', 'wasm'], 'sandbox_unknown'],
    ['os', ['--access', 'some'], 'usage'],
  ])('an agent in %s %j: %s', async (sandbox, words, code) => {
    world.files({ 'belay.yaml': agentIn(sandbox) }).commit()
    const ran = await world.belay(['exec', 'x', '--json', ...words], { env })
    const { error } = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as { error: { code: string } }
    expect([ran.code, error.code, existsSync(join(world.repo, 'ran'))]).toEqual([2, code, false])
  })
})
