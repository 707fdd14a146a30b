import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { startTestDocker } from '../src/sandbox/testing/docker.ts'
import { startFakeE2b } from '../src/sandbox/testing/e2b-server.ts'
import { cannotRun } from '../src/sandbox/testing/harness.ts'
import { TEST_IMAGE } from '../src/sandbox/testing/image.ts'
import { World } from './support/world.ts'

/** What people are told if a sandbox cannot be opened, and if it blocked something. */
const noOs = (await findBackend('os').probe())?.message ?? null
const noDocker = await startTestDocker()
const env = { DOCKER_HOST: process.env['DOCKER_HOST'] ?? '' }

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.dispose())

/** `belay exec` with an agent that is a shell script in this sandbox. */
async function exec(sandbox: string, script: string, more: Record<string, string> = {}, shell = '/bin/sh') {
  const lines = [
    'cat > /dev/null',
    script,
    `echo '{"type":"message","text":"said"}'`,
    `echo '{"type":"result","output":{}}'`,
  ]
  const role = `{provider: command, command: [${shell}, ./agent.sh], sandbox: ${sandbox}}`
  world.files({ 'agent.sh': lines.join('\n'), 'belay.yaml': `workflow: {roles: {implementer: ${role}}}\n` })
  return world.belay(['exec', 'x'], { env: { ...env, ...more } })
}

const IN = {
  os: 'backend: os, network: none',
  docker: `backend: docker, image: "${TEST_IMAGE}", network: none`,
} as const

describe.each(['os', 'docker'] as const)('limits of %s', (backend) => {
  const noLimits = process.geteuid?.() === 0 ? null : 'the sandbox of the system has limits for root only'
  const why = { os: noOs ?? noLimits, docker: noDocker }[backend]
  if (why !== null) return cannotRun(`limits of ${backend}`, why)

  it('names the limit on memory that was reached', async () => {
    const much = 'head -c 400000000 /dev/zero | tail -c 300000000 | wc -c >&2'
    const { stderr } = await exec(`{${IN[backend]}, memory: 96m}`, much)
    expect(stderr).toContain(`warning: the sandbox's limit on memory (96m) was reached, and the kernel ended a program`)
  })

  it('names the limit on processes that was reached', async () => {
    const many = 'for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 1 & done; wait'
    const { stderr } = await exec(`{${IN[backend]}, pids: 12}`, many)
    expect(stderr).toContain(`warning: the sandbox's limit on processes (12) was reached, and no more could start`)
  })

  it('says nothing of limits that were not', async () => {
    const { code, stderr } = await exec(`{${IN[backend]}, memory: 256m, pids: 100}`, 'true')
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning')])
  })
})

if (noOs !== null) cannotRun('hosts', noOs)
else {
  it('names each host that is not on the list, and where the list is', async () => {
    const asks = 'for at in http://b.example/ https://c.example:8443/ http://b.example/again; do curl -s $at; done'
    const { stderr } = await exec('{backend: os, hosts: [a.example]}', `${asks}; true`)
    const said = stderr.split('\n').filter((line) => line.startsWith('warning'))
    expect(said).toEqual(
      ['b.example:80', 'c.example:8443'].map(
        (host) =>
          `warning: the network of the sandbox has no ${host}: it is not in "hosts" of the sandbox (or --network HOST,HOST)`,
      ),
    )
  })
}

if (noOs !== null) cannotRun('a workspace that is changed here too', noOs)
else {
  it('keeps what is changed here while an agent works in a machine of e2b, and says where its own is', async () => {
    const fake = await startFakeE2b()
    try {
      // What is uploaded has been read by then.
      fake.onUpload = () => world.files({ both: 'here', 'made.here': 'here' })
      const e2b = { E2B_API_KEY: 'e2b_right', E2B_API_URL: fake.url, E2B_SANDBOX_URL: fake.url }
      world.files({ both: 'before' })
      const script = 'echo there > both; echo there > made.there'
      // With its path, the folder of the shell would be carried too.
      const { code, stderr } = await exec('{backend: e2b}', script, e2b, 'sh')
      const at = join(world.repo, 'both')
      const said = `warning: ${at} was changed here and in the sandbox: yours was kept, the sandbox's is ${at}.from-sandbox\n`
      expect([code, stderr]).toEqual([0, expect.stringContaining(said)])
      const files = ['both', 'made.here', 'both.from-sandbox', 'made.there']
      expect(files.map((name) => readFileSync(join(world.repo, name), 'utf8'))).toEqual([
        'here',
        'here',
        'there\n',
        'there\n',
      ])
    } finally {
      await fake.close()
    }
  })
}

if (noDocker !== null) cannotRun('what docker lacks', noDocker)
else {
  describe('what docker lacks', () => {
    it.each<[string, string, Record<string, string>, RegExp]>([
      [
        'a daemon',
        `{${IN.docker}}`,
        { DOCKER_HOST: 'unix:///nowhere.sock' },
        /no docker daemon answers.*\n.*start docker/,
      ],
      [
        'the image',
        '{backend: docker, image: "no/such:1", network: none}',
        {},
        /no image "no\/such:1".*\n.*docker pull no\/such:1/,
      ],
      ['the runtime', `{${IN.docker}, runtime: nope}`, {}, /no runtime "nope".*\n.*daemon\.json/],
      ['a network', `{backend: docker, image: "${TEST_IMAGE}"}`, {}, /network "full" cannot be enforced by "docker"/],
    ])('%s', async (_, sandbox, more, said) => {
      const { code, stderr } = await exec(sandbox, 'true', more)
      expect([code, stderr]).toEqual([2, expect.stringMatching(said)])
    })

    it('a shell in the image: told, and Belay ends', async () => {
      const empty = join(world.dir, 'empty')
      mkdirSync(join(empty, 'x'), { recursive: true })
      execFileSync('/bin/sh', ['-c', 'tar -c -C "$1" . | docker import - belay-empty:1', 'sh', empty], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      const { code, stderr } = await exec('{backend: docker, image: "belay-empty:1", network: none}', 'true')
      expect([code, stderr]).toEqual([2, expect.stringContaining('the image "belay-empty:1" has no /bin/sh')])
    })

    it('belay doctor: an image that the configuration names, and is not there', async () => {
      await exec('{backend: docker, image: "no/such:1"}', 'true')
      world.commit()
      const missing = await world.belay(['doctor'], { env })
      expect(missing.stdout).toMatch(
        /fail +sandbox \(docker\) +there is no image "no\/such:1"\n +-> docker pull no\/such:1/,
      )
      await exec(`{${IN.docker}}`, 'true')
      expect((await world.belay(['doctor'], { env })).stdout).toMatch(/ok +sandbox \(docker\) +works\n/)
    })
  })
}
