/** The `sandbox` keys: how programs are confined, as in the file and as in the code. */
import { z } from 'zod'
import { BACKENDS, type BackendName, type Network, type Resources } from '../sandbox/port.ts'
import type { SandboxRequest } from '../sandbox/request.ts'
import { hasNoNul, listOf, mapping, oneOf, text, whole } from './leaves.ts'

/** A sandbox as configured, with settings beyond its own defaults. Paths are absolute; null: not set. */
export interface SandboxConfig {
  readonly backend: BackendName
  readonly network: Network | null
  readonly resources: Resources
  readonly read: readonly string[]
  readonly write: readonly string[]
  readonly hide: readonly string[]
  readonly image: string | null
  readonly runtime: string | null
}

const SIZE = 'a size with a unit, such as "512m" or "4g"'
const UNITS = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 } as const

const size = (): z.ZodString => z.string({ error: SIZE }).regex(/^[1-9]\d{0,6}[kmgt]$/i, { error: SIZE })

const PATH = 'an absolute path, or one that begins with "~/"'
const paths = (what: string) =>
  listOf(
    z
      .string({ error: PATH })
      .regex(/^(\/|~\/)/, { error: PATH })
      .refine(hasNoNul, { error: PATH }),
    'paths',
  )
    .default([])
    .describe(what)

const HOST = 'a host name, or "*." and a name for all below it; ":port" where only one is meant'
const CORES = 'a number of cores above 0'

const details = mapping({
  backend: oneOf(...BACKENDS).describe('Which sandbox: `host` (none), `os`, `docker`, `e2b`.'),
  network: oneOf('none', 'full').optional().describe('No network, or all of it. Without it: agents all, others none.'),
  hosts: listOf(z.string({ error: HOST }).regex(/^(\*\.)?[A-Za-z0-9.-]+(:\d+)?$/, { error: HOST }), 'host names')
    .optional()
    .describe('Network, but only to these hosts.')
    .meta({ examples: [['registry.example.org', '*.example.com']] }),
  cpus: z
    .number({ error: CORES })
    .positive({ error: CORES })
    .max(1024, { error: CORES })
    .optional()
    .describe('Cores, may be a fraction.'),
  memory: size()
    .optional()
    .describe('Memory of all its processes together.')
    .meta({ examples: ['4g'] }),
  pids: whole(1, 4_000_000).optional().describe('Processes and threads at one time.'),
  disk: size().optional().describe('Disk space. No sandbox can keep to it where the workspace is a folder of yours.'),
  read: paths('Readable although it would be hidden, or (docker) would not be there.'),
  write: paths('Writable besides the workspace.'),
  hide: paths('Not readable, besides what never is: keys, logins, the record.'),
  image: text().optional().describe('Image (docker) or template (e2b).'),
  runtime: text()
    .optional()
    .describe('Container runtime, docker only: `runsc` is gVisor.')
    .meta({ examples: ['runsc'] }),
}).refine((value) => value.network === undefined || value.hosts === undefined, {
  error: 'either network or hosts',
  path: ['hosts'],
})

/** The key itself: a name, or a mapping with the details. */
export function sandboxKey(who: string) {
  return z
    .union([oneOf(...BACKENDS), details], { error: `one of ${BACKENDS.join(', ')}, or a mapping with "backend"` })
    .optional()
    .meta({
      title: 'name or mapping',
      default: 'host',
      examples: ['os', { backend: 'docker', image: 'node:24', memory: '4g' }],
    })
    .describe(
      `How ${who} confined: a sandbox's name, or a mapping (docs/sandboxes.md). What it cannot enforce is refused.`,
    )
}

type ParsedSandbox = z.output<ReturnType<typeof sandboxKey>>

export function resolveSandbox(parsed: ParsedSandbox, places: { readonly home: string }): SandboxConfig | null {
  if (parsed === undefined) return null
  const asked = typeof parsed === 'string' ? details.parse({ backend: parsed }) : parsed
  const absolute = (path: string): string => path.replace(/^~(?=\/)/, () => places.home)
  return {
    backend: asked.backend,
    network: networkOf(asked),
    resources: {
      cpus: asked.cpus ?? null,
      memoryBytes: asked.memory === undefined ? null : bytes(asked.memory),
      pids: asked.pids ?? null,
      diskBytes: asked.disk === undefined ? null : bytes(asked.disk),
    },
    read: asked.read.map(absolute),
    write: asked.write.map(absolute),
    hide: asked.hide.map(absolute),
    image: asked.image ?? null,
    runtime: asked.runtime ?? null,
  }
}

/** The sandbox request for a configured sandbox, without access and workspace. What is not set is left to the sandbox. */
export function requestOf(config: SandboxConfig): Omit<SandboxRequest, 'access' | 'workspace'> {
  const { network, resources, read, write, hide, image, runtime } = config
  const limited = Object.values(resources).some((limit) => limit !== null)
  return {
    ...(network === null ? {} : { network }),
    ...(limited ? { resources } : {}),
    ...(read.length > 0 ? { read } : {}),
    ...(write.length > 0 ? { write } : {}),
    ...(hide.length > 0 ? { denyRead: hide } : {}),
    ...(image === null ? {} : { image }),
    ...(runtime === null ? {} : { runtime }),
  }
}

function networkOf({ network, hosts }: z.output<typeof details>): Network | null {
  if (hosts !== undefined) return { mode: 'hosts', hosts }
  return network === undefined ? null : { mode: network }
}

function bytes(value: string): number {
  const unit = value.slice(-1).toLowerCase() as keyof typeof UNITS
  return Number(value.slice(0, -1)) * UNITS[unit]
}
