import { matchesGlob } from 'node:path'
import { expandGate } from './commands/expand.ts'
import { scriptsOf } from './commands/packages.ts'
import type { TreeFiles } from './files.ts'
import type { GateSpec } from './port.ts'

type Command = Pick<GateSpec, 'run' | 'cwd'>

/** Files that decide what is checked, in any repository. */
const CONFIG = ['belay.yaml', 'belay.yml', 'belay.toml', '.belay/**']
const CI = [
  '.github/workflows/**', '.github/actions/**', '.gitlab-ci.yml', '.gitlab/ci/**', '.circleci/**', 'azure-pipelines.yml',
  '.azure-pipelines/**', 'Jenkinsfile', '.travis.yml', 'bitbucket-pipelines.yml', '.drone.yml', '.woodpecker.yml', '.woodpecker/**',
  '.buildkite/**', 'appveyor.yml', '.appveyor.yml', '.cirrus.yml', '.forgejo/workflows/**', '.gitea/workflows/**',
] // prettier-ignore

export type ProtectedKind = 'config' | 'ci' | 'script' | 'protected'

export interface ProtectedChange {
  readonly path: string
  /**
   * `config`: Belay's own. `ci`: a pipeline. `script`: a gate's command names it. `protected`: it matches `verify.protected`.
   */
  readonly kind: ProtectedKind
}

/** The files of a tree that a gate's command names, directly or through scripts, makefiles and package scripts. Sorted. */
export async function gateScripts(gate: Command, files: TreeFiles): Promise<readonly string[]> {
  return (await expandGate(gate, files)).scripts
}

/**
 * The files among `changed` that decide what is proven. `changed` lists every path that differs between the two trees. A
 * package.json counts as a script only if its `scripts` changed.
 */
export async function changedProtected(
  base: TreeFiles,
  candidate: TreeFiles,
  changed: readonly string[],
  protect: { readonly gates: readonly Command[]; readonly globs: readonly string[] },
): Promise<readonly ProtectedChange[]> {
  const scripts = new Set<string>()
  for (const files of [base, candidate]) {
    for (const gate of protect.gates) for (const path of await gateScripts(gate, files)) scripts.add(path)
  }
  const found: ProtectedChange[] = []
  for (const path of changed.toSorted()) {
    const kind = kindOf(path, scripts, protect.globs)
    const isSame =
      kind === 'script' && isPackage(path) && sameScripts(await base.read(path), await candidate.read(path))
    if (kind !== null && !isSame) found.push({ path, kind })
  }
  return found
}

function kindOf(path: string, scripts: ReadonlySet<string>, globs: readonly string[]): ProtectedKind | null {
  const matches = (list: readonly string[]): boolean => list.some((glob) => matchesGlob(path, glob))
  if (matches(CONFIG)) return 'config'
  if (matches(CI)) return 'ci'
  if (matches(globs)) return 'protected'
  return scripts.has(path) ? 'script' : null
}

/** A file that must differ from the candidate so that a gate runs with the base's version of what it names. */
export interface OverlayFile {
  readonly path: string
  /** `base`: as in the base. `without`: removed, because the base has no such file. Otherwise: this text. */
  readonly as: 'base' | 'without' | { readonly text: string }
}

/**
 * What must change in the candidate so that a gate runs with the base's version of the files that its command names (for a
 * package.json, only the `scripts`). Files that only the candidate has are removed, because a new file may take precedence over
 * an old one (GNUmakefile over Makefile) or change how it is read (.npmrc). Empty: the task did not change these files, so the
 * gate need not run again.
 */
export async function baseOverlay(
  base: TreeFiles,
  candidate: TreeFiles,
  gate: Command,
): Promise<readonly OverlayFile[]> {
  const overlay: OverlayFile[] = []
  const old = await gateScripts(gate, base)
  for (const path of new Set([...old, ...(await gateScripts(gate, candidate))])) {
    const [before, after] = [await base.read(path), await candidate.read(path)]
    if (before === after) continue
    if (before === null) overlay.push({ path, as: 'without' })
    else if (!old.includes(path)) continue // it existed, but was not part of the gate
    else if (!isPackage(path)) overlay.push({ path, as: 'base' })
    else if (!sameScripts(before, after)) overlay.push({ path, as: { text: withScripts(after, before) } })
  }
  return overlay
}

function isPackage(path: string): boolean {
  return path === 'package.json' || path.endsWith('/package.json')
}

function sameScripts(before: string | null, after: string | null): boolean {
  if (before === null || after === null) return before === after
  return JSON.stringify(sorted(before)) === JSON.stringify(sorted(after))
}

function sorted(packageJson: string): readonly (readonly [string, string])[] {
  return Object.entries(scriptsOf(packageJson) ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The candidate's package.json with the base's scripts; the base's whole file if the candidate's cannot be parsed. */
function withScripts(candidate: string | null, base: string): string {
  try {
    const parsed: unknown = JSON.parse(candidate ?? '')
    if (typeof parsed !== 'object' || parsed === null) return base
    return `${JSON.stringify({ ...parsed, scripts: scriptsOf(base) ?? {} }, null, 2)}\n`
  } catch {
    return base // gone, or broken by the task
  }
}
