/** The checks of `belay doctor`. Each returns findings; none throws for problems that a user can fix. */
import { randomId } from '../core/ids.ts'
import { BelayError, messageOf } from '../core/errors.ts'
import type { Agent } from '../agents/port.ts'
import { loadConfig, type Config, type LoadedConfig } from '../config/index.ts'
import { checkSigning, identity } from '../git/identity.ts'
import { checkGitVersion, openRepository, type Repository } from '../git/repository.ts'
import { git } from '../git/run.ts'
import { stateHome } from '../record/index.ts'
import { agentFindings } from './doctor-agents.ts'
import type { Finding } from './doctor-finding.ts'
import { publishFindings } from './doctor-publish.ts'
import { sandboxFindings } from './doctor-sandboxes.ts'
import { missingFrom } from './programs.ts'
import { detectProject } from './detect.ts'
import { proposeConfig } from './proposal.ts'
import { access, constants, open, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface DoctorOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly agents: readonly Agent[]
}

const OLDEST_NODE = 24

const GIB = 1024 ** 3

/** In bytes. Below `warn`, setup and checkouts will soon fail; below `fail`, the record itself may not be writable. */
const FREE = { warn: 5 * GIB, fail: 0.25 * GIB } as const

/** Checks the machine, the repository and the configuration. Writes only a probe file, which it removes. Makes no paid call. */
export async function examine(options: DoctorOptions): Promise<readonly Finding[]> {
  const { cwd, env } = options
  const findings = [nodeFinding(process.versions.node), await gitFinding(cwd)]
  const opened = await attempt('repository', () => openRepository(cwd))
  findings.push(opened.ok ? repositoryFinding(opened.value) : opened.finding)
  if (opened.ok) findings.push(await identityFinding(opened.value.root))
  const loaded = opened.ok ? await configuration(opened.value.root, env) : null
  findings.push(...(loaded?.findings ?? []))
  const config = loaded?.loaded?.config ?? null
  if (opened.ok && config) {
    findings.push(
      ...(await signingFindings(opened.value.root, config)),
      ...gateFindings(opened.value.root, config, env),
    )
  }
  findings.push(...(await stateFindings(stateHome(env))))
  findings.push(...(await agentFindings(options.agents, config, env)), ...(await sandboxFindings(config)))
  findings.push(...(await publishFindings(config, env)))
  return findings
}

export function nodeFinding(version: string): Finding {
  if (Number(version.split('.', 1)[0]) >= OLDEST_NODE) return fine('node', version)
  return { name: 'node', status: 'fail', message: `Node ${version}`, next: `install Node ${OLDEST_NODE} or newer` }
}

async function gitFinding(cwd: string): Promise<Finding> {
  const result = await attempt('git', async () => {
    const version = await git(['version'], { cwd })
    checkGitVersion(version)
    return version
  })
  return result.ok ? fine('git', result.value) : result.finding
}

function repositoryFinding({ root, head }: Repository): Finding {
  if (head.branch !== null) return fine('repository', `${root} (on ${head.branch})`)
  return {
    name: 'repository',
    status: 'warn',
    message: `${root} (detached HEAD): work lands on the result branch only`,
    next: 'check out a branch, or name one with belay run --into BRANCH',
  }
}

async function identityFinding(root: string): Promise<Finding> {
  const result = await attempt('identity', () => identity(root))
  if (!result.ok) return result.finding
  return fine('identity', `${result.value.author.name} <${result.value.author.email}>`)
}

async function signingFindings(root: string, config: Config): Promise<Finding[]> {
  if (config.git.sign === 'off') return []
  const result = await attempt('signing', () => checkSigning(root))
  if (!result.ok) return [result.finding]
  return result.value ? [fine('signing', 'commits are signed')] : []
}

async function configuration(
  root: string,
  env: DoctorOptions['env'],
): Promise<{ loaded: LoadedConfig | null; findings: Finding[] }> {
  const proposal = async (): Promise<string> => proposeConfig(await detectProject(root, { env })).text
  const result = await attempt('config', () => loadConfig({ root, env, proposal }))
  if (!result.ok) return { loaded: null, findings: [result.finding] }
  const { projectFile, files, warnings } = result.value
  const first: Finding =
    projectFile === null
      ? {
          name: 'config',
          status: 'warn',
          message: 'no belay.yaml: belay run uses what belay init would write',
          next: 'belay init',
        }
      : fine('config', files.join(', '))
  const more = warnings.map((message): Finding => ({ name: 'config', status: 'warn', message, next: 'see belay.yaml' }))
  return { loaded: result.value, findings: [first, ...more] }
}

function gateFindings(root: string, config: Config, env: DoctorOptions['env']): Finding[] {
  const { gates, required } = config.verify
  const none: Finding = {
    name: 'gates',
    status: required ? 'fail' : 'warn',
    message: 'no checks: nothing proves that a task is done',
    next: 'add the commands that test this project under verify.commands',
  }
  const missing = missingFrom([...config.workspace.setup, ...gates], root, env['PATH'])
  return [
    gates.length === 0 ? none : fine('gates', gates.map((gate) => gate.name).join(', ')),
    ...missing.map(({ program, gate }): Finding => ({
      name: 'gates',
      status: 'warn',
      message: `${program} is not on PATH, and ${gate} needs it`,
      next: `install ${program}, or change the command in belay.yaml`,
    })),
  ]
}

async function stateFindings(folder: string): Promise<Finding[]> {
  const next = 'set BELAY_HOME to a folder that you can write to'
  const result = await attempt('state', () => probeWritable(folder))
  if (!result.ok) return [{ ...result.finding, next }]
  const { bavail, bsize } = await statfs(result.value)
  const free = bavail * bsize
  const status = free < FREE.fail ? 'fail' : free < FREE.warn ? 'warn' : 'ok'
  const message = `${(free / GIB).toFixed(1)} GiB free`
  return [
    fine('state', folder),
    status === 'ok'
      ? fine('disk', message)
      : { name: 'disk', status, message, next: 'free some space, or set BELAY_HOME to a folder on another disk' },
  ]
}

/** Checks that `folder` (or its nearest existing parent, which is returned) can be written to; rejects if not. */
async function probeWritable(folder: string): Promise<string> {
  const nearest = await existing(folder)
  if (!(await stat(nearest)).isDirectory()) throw new Error(`${nearest} is not a folder`)
  await access(nearest, constants.W_OK | constants.X_OK)
  if (nearest !== folder) return nearest
  const probe = join(folder, `.probe-${randomId(10)}`)
  try {
    await using file = await open(probe, 'wx', 0o600)
    await file.writeFile('x')
    await file.sync()
  } finally {
    await rm(probe, { force: true })
  }
  return nearest
}

async function existing(folder: string): Promise<string> {
  try {
    await stat(folder)
    return folder
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(folder) === folder) throw error
    return existing(dirname(folder))
  }
}

function fine(name: string, message: string): Finding {
  return { name, status: 'ok', message, next: null }
}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly finding: Finding }

async function attempt<T>(name: string, work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await work() }
  } catch (error) {
    const next = error instanceof BelayError ? error.next : null
    return { ok: false, finding: { name, status: 'fail', message: messageOf(error), next } }
  }
}
