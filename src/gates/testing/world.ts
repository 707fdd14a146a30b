import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomId } from '../../core/ids.ts'
import type { TreeFiles } from '../files.ts'
import type { Evidence, GateSpec } from '../port.ts'
import { runGate, type RunGateOptions } from '../run.ts'

/** The repository's own node_modules folder, for gates that start real runners. */
export const NODE_MODULES = dirname(dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))))

/** The distinct `node` programs on this machine, the one that runs the tests first. */
export function nodePrograms(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = [process.execPath, ...folders.map((at) => join(at, 'node')), '/usr/bin/node'].filter(existsSync)
  return [...new Set(found.map((path) => realpathSync(path)))]
}

/**
 * Whether tests with this program can run: `name --version` succeeds. In CI they always run, so that none is skipped silently.
 */
export function hasProgram(name: string): boolean {
  return (
    process.env['CI'] === 'true' || spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0
  )
}

/** A temporary folder with these files; those that begin with `#!` are executable. Removed at the end of `using`. */
export function folder(files: Readonly<Record<string, string>> = {}): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'belay gates-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
    if (text.startsWith('#!')) chmodSync(join(path, name), 0o755)
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Lets a folder find this repository's packages. */
export function linkPackages(path: string): void {
  symlinkSync(NODE_MODULES, join(path, 'node_modules'))
}

export function gateSpec(command: GateSpec['run'], more: Partial<GateSpec> = {}): GateSpec {
  return { name: 'test', run: command, timeoutMs: 60_000, minTests: null, cwd: null, ...more }
}

/** The environment of gates in tests: a user's, with nothing from this test run. */
export function cleanEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', NO_COLOR: '1', ...more }
}

/** Really runs a gate in `root`. */
export async function run(root: string, gate: GateSpec, more: Partial<RunGateOptions> = {}): Promise<Evidence> {
  using reports = folder()
  return runGate(gate, {
    root,
    tree: '0'.repeat(40),
    env: cleanEnv(),
    mark: `gates/${randomId(8)}`,
    signal: new AbortController().signal,
    reportDir: reports.path,
    ...more,
  })
}

/** A tree that exists only in memory. */
export function treeOf(files: Readonly<Record<string, string>>): TreeFiles {
  return {
    read: async (path) => files[path] ?? null,
    list: async () => Object.keys(files).sort(),
  }
}
