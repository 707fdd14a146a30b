import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import { PATH } from './harness.ts'
import { TEST_IMAGE, importTestImage } from './image.ts'

/**
 * A docker daemon with the test image and its socket in DOCKER_HOST: one for the whole test run, without its own network.
 * Returns why there is none, or null.
 */
export async function startTestDocker(): Promise<string | null> {
  const folder = process.env['BELAY_TEST_DOCKERD']
  if (folder === undefined) return 'not in a test run with test/support/dockerd.ts'
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'a docker daemon is started by root on Linux'
  for (const program of ['dockerd', 'docker', 'busybox', 'perl', 'git']) {
    if (resolveProgram(program, '/', PATH) === null) return `${program} is not installed`
  }
  process.env['DOCKER_HOST'] = `unix://${folder}/sock`
  const ready = join(folder, 'ready')
  if (claim(join(folder, 'claim'))) {
    try {
      startDaemon(folder)
      await until(() => docker('version') !== null, folder)
      importTestImage(`docker import - ${TEST_IMAGE}`)
      writeFileSync(ready, 'ready')
    } catch (error) {
      writeFileSync(ready, String(error))
    }
  }
  await until(() => existsSync(ready) && readFileSync(ready, 'utf8') !== '', folder)
  const said = readFileSync(ready, 'utf8')
  return said === 'ready' ? null : said
}

/** Why gVisor cannot be a runtime of the test daemon, or null. */
export function noGvisor(): string | null {
  return resolveProgram('runsc', '/', PATH) === null ? 'runsc (gVisor) is not installed' : null
}

function claim(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch {
    return false // another test file has it
  }
}

function startDaemon(folder: string): void {
  const log = openSync(join(folder, 'log'), 'a')
  const args = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver', 'overlay2']
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify({ runtimes: runtimes() }))
  const config = ['--config-file', join(folder, 'daemon.json')]
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '-p', join(folder, 'pid')]
  spawn('dockerd', [...args, ...config, ...places, '-H', `unix://${folder}/sock`], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH },
  }).unref()
}

/** gVisor, if installed. It does not use the network namespace that it is given, which has no network. */
function runtimes(): object {
  const runsc = resolveProgram('runsc', '/', PATH)
  return runsc === null ? {} : { runsc: { path: runsc, runtimeArgs: ['--network=none'] } }
}

async function until(done: () => boolean, folder: string): Promise<void> {
  const end = Date.now() + 150_000
  while (!done()) {
    if (Date.now() > end) throw new Error(`no docker daemon: ${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function docker(...args: string[]): string | null {
  try {
    return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return null
  }
}
