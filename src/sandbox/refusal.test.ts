import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BACKENDS, findBackend, openSandbox, type BackendName, type Network, type Resources } from './index.ts'
import type { SandboxPolicy } from './port.ts'
import type { SandboxRequest } from './request.ts'
import { startTestDocker } from './testing/docker.ts'
import { startFakeE2b } from './testing/e2b-server.ts'
import { PATH, ranOf } from './testing/harness.ts'
import { TEST_IMAGE } from './testing/image.ts'

/**
 * How each backend answers each thing that a policy can ask for: it enforces it (other tests show how) or refuses it. Because
 * of the types, a new field, network, limit or backend is a missing row or column here.
 */
type Answer =
  | 'enforced'
  | 'refused'
  // On the host it only concerns Belay's own tools and grants what is available anyway, so there is nothing to enforce.
  | 'grants'
type Row = Readonly<Record<BackendName, Answer>>
const linux = process.platform === 'linux'
/** Only root can create control groups. */
const limits: Answer = linux && process.geteuid?.() === 0 ? 'enforced' : 'refused'

const networks: Readonly<Record<Network['mode'], Row>> = {
  none: { host: 'refused', os: 'enforced', docker: 'enforced', e2b: 'enforced' },
  full: { host: 'grants', os: 'grants', docker: 'refused', e2b: 'grants' },
  hosts: { host: 'refused', os: linux ? 'enforced' : 'refused', docker: 'refused', e2b: 'refused' },
}

const resources: Readonly<Record<keyof Resources, Row>> = {
  cpus: { host: 'refused', os: limits, docker: 'enforced', e2b: 'refused' },
  memoryBytes: { host: 'refused', os: limits, docker: 'enforced', e2b: 'refused' },
  pids: { host: 'refused', os: limits, docker: 'enforced', e2b: 'refused' },
  diskBytes: { host: 'refused', os: 'refused', docker: 'refused', e2b: 'refused' },
}
const VALUES: Resources = { cpus: 1, memoryBytes: 512 << 20, pids: 200, diskBytes: 1 << 30 }
const UNLIMITED: Resources = { cpus: null, memoryBytes: null, pids: null, diskBytes: null }

const access: Readonly<Record<SandboxPolicy['access'], Row>> = {
  // Left to the agent's own tools and the command policy, as documented.
  'read-only': { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'enforced' },
  'workspace-write': { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'enforced' },
  full: { host: 'grants', os: 'grants', docker: 'grants', e2b: 'grants' },
}

let folder = ''
const at = (name: string): string => join(folder, name)
type Case = readonly [what: string, row: Row, request: () => Partial<SandboxRequest>]

const others: Readonly<Record<Exclude<keyof SandboxPolicy, 'access' | 'workspace' | 'network' | 'resources'>, Case[]>> =
  {
    write: [
      [
        'write: a folder',
        { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'enforced' },
        () => ({ write: [at('more')] }),
      ],
      [
        'write: a file',
        { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'refused' },
        () => ({ write: [at('file')] }),
      ],
    ],
    read: [
      [
        'read: a folder',
        { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'enforced' },
        () => ({ read: [at('more')] }),
      ],
      [
        'read: a file',
        { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'refused' },
        () => ({ read: [at('file')] }),
      ],
    ],
    denyRead: [
      [
        'denyRead',
        { host: 'refused', os: 'enforced', docker: 'enforced', e2b: 'enforced' },
        () => ({ denyRead: [at('w/secret')] }),
      ],
    ],
    own: [
      ['own', { host: 'grants', os: 'enforced', docker: 'enforced', e2b: 'enforced' }, () => ({ own: [at('more')] })],
    ],
    image: [
      ['image', { host: 'refused', os: 'refused', docker: 'enforced', e2b: 'enforced' }, () => ({ image: TEST_IMAGE })],
    ],
    runtime: [
      ['runtime', { host: 'refused', os: 'refused', docker: 'enforced', e2b: 'refused' }, () => ({ runtime: 'runc' })],
    ],
  }

const cases: readonly Case[] = [
  ...entries(networks).map(([mode, row]): Case => [
    `network ${mode}`,
    row,
    () => ({ network: mode === 'hosts' ? { mode, hosts: ['a.example'] } : { mode } }),
  ]),
  ...entries(resources).map(([key, row]): Case => [
    `a limit: ${key}`,
    row,
    () => ({ resources: { ...UNLIMITED, [key]: VALUES[key] } }),
  ]),
  ...entries(access).map(([word, row]): Case => [`access ${word}`, row, () => ({ access: word })]),
  ...entries(others).flatMap(([, list]) => list),
]

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][]
}

const noDocker = await startTestDocker()
const fake = await startFakeE2b()
process.env['E2B_API_KEY'] = 'e2b_right'
process.env['E2B_API_URL'] = fake.url
process.env['E2B_SANDBOX_URL'] = fake.url

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-matrix-')))
  for (const name of ['w', 'more']) mkdirSync(at(name))
  for (const name of ['file', 'w/secret']) writeFileSync(at(name), 'x')
})
afterAll(async () => {
  await fake.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(BACKENDS)('%s enforces, or refuses', (backend) => {
  const image = backend === 'docker' ? { image: TEST_IMAGE } : {}

  it.each(cases)('%s', async (_, row, request) => {
    const opening = openSandbox(
      backend,
      { access: 'workspace-write', workspace: at('w'), ...image, ...request() },
      new AbortController().signal,
    )
    if (row[backend] === 'refused') {
      await expect(opening).rejects.toMatchObject({ code: 'sandbox_unenforceable' })
      return
    }
    const why = backend === 'docker' ? noDocker : ((await findBackend(backend).probe())?.message ?? null)
    if (why !== null && process.env['CI'] !== 'true') {
      await expect(opening).rejects.toMatchObject({ code: 'sandbox_unavailable' })
      return
    }
    const { sandbox } = await opening
    const kept = await sandbox.spawn({
      argv: ['/bin/sh', '-c', 'echo runs'],
      cwd: at('w'),
      env: { PATH },
      stdin: 'none',
      mark: 'matrix',
    })
    const ran = await ranOf(kept)
    await sandbox.close()
    expect(ran.out).toBe('runs\n')
  })
})
