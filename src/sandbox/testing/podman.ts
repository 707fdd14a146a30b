import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import { PATH } from './harness.ts'
import { TEST_IMAGE, importTestImage } from './image.ts'

/** Podman's own socket, with the test image, for one test file. */
export interface TestPodman {
  /** Why there is none, or null. */
  readonly why: string | null
  end(): Promise<void>
}

/** Starts podman's service with its own storage and sets DOCKER_HOST to its socket. */
export async function startTestPodman(): Promise<TestPodman> {
  const none = (why: string): TestPodman => ({ why, end: () => Promise.resolve() })
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return none('podman is tested by root on Linux')
  for (const program of ['podman', 'runc', 'busybox', 'perl', 'git']) {
    if (resolveProgram(program, '/', PATH) === null) return none(`${program} is not installed`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'belay-podman-'))
  const env = { PATH, HOME: folder, ...settings(folder) }
  const socket = join(folder, 'sock')
  const log = openSync(join(folder, 'log'), 'a')
  const service = spawn('podman', ['system', 'service', '--time=0', `unix://${socket}`], {
    env,
    // When memory runs out, its monitors leave a file in their working directory.
    cwd: folder,
    stdio: ['ignore', log, log],
  })
  const gone = new Promise<void>((resolve) => service.once('exit', () => resolve()))
  const end = async (): Promise<void> => {
    service.kill()
    await gone
    // Its storage is a mount on itself; just-removed containers leave their mounts for a moment.
    const unmount = 'grep -o " $1/[^ ]*" /proc/self/mounts | sort -r | while read -r at; do umount -l "$at"; done'
    execFileSync('/bin/sh', ['-c', `${unmount} 2>/dev/null; :`, 'sh', folder])
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    } catch (error) {
      // The tests are over, so a folder that is still busy fails nothing.
      process.stderr.write(`left: ${folder}: ${String(error)}\n`)
    }
  }
  try {
    importTestImage(`podman import - docker.io/library/${TEST_IMAGE}`, env)
    await answers(socket, () => service.exitCode !== null)
  } catch (error) {
    const said = `${String(error)} ${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`
    await end()
    return none(said)
  }
  process.env['DOCKER_HOST'] = `unix://${socket}`
  return { why: null, end }
}

/**
 * Configuration that keeps everything in one folder. The default runtime needs the right to raise limits, which a test machine
 * may lack.
 */
function settings(folder: string): Record<string, string> {
  const containers = [
    '[containers]',
    'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]',
    '[engine]',
    'runtime = "runc"',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    `tmp_dir = "${folder}/tmp"`,
  ]
  const storage = ['[storage]', 'driver = "overlay"', `graphroot = "${folder}/data"`, `runroot = "${folder}/run"`]
  writeFileSync(join(folder, 'containers.conf'), `${containers.join('\n')}\n`)
  writeFileSync(join(folder, 'storage.conf'), `${storage.join('\n')}\n`)
  return {
    CONTAINERS_CONF: join(folder, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
  }
}

async function answers(socket: string, over: () => boolean): Promise<void> {
  const { default: Client } = await import('dockerode')
  const end = Date.now() + 150_000
  for (;;) {
    try {
      await new Client({ socketPath: socket }).ping()
      return
    } catch (error) {
      if (over() || Date.now() > end) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
