/** Determines what `belay run [ARG]` means: a feature of the repository, or a prompt. */
import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import { baseName } from './documents.ts'
import { FEATURE_ROOTS, featureFolder, type FeatureKind, featuresIn, kindOfPath, layoutOf } from './layout.ts'
import type { SourceFiles } from './port.ts'
import { quote } from './problems.ts'

export type SourcePointer =
  | { readonly kind: 'prompt'; readonly text: string }
  /** `dir` is relative to the repository root and separated by `/`. */
  | { readonly kind: FeatureKind; readonly feature: string; readonly dir: string }

export interface SourceRequest {
  /** The argument as typed; null: none. */
  readonly arg: string | null
  /** `--prompt TEXT`; null: not given. */
  readonly prompt: string | null
  /** `--feature ID`; null: not given. */
  readonly feature: string | null
  /** `task.source` of the configuration; null: not set. */
  readonly configured: FeatureKind | null
  /** The current branch; null when HEAD is detached or unborn. */
  readonly branch: string | null
  /** Absolute paths: the repository's root, and the folder against which relative paths are resolved. */
  readonly root: string
  readonly cwd: string
  readonly files: SourceFiles
  /** Returns all of stdin as text; called only if `arg` is `-`. */
  readonly readStdin: () => Promise<string>
}

/** No path is longer than this. */
const LONGEST_PATH = 4096

interface Candidate {
  readonly kind: FeatureKind
  readonly feature: string
  readonly dir: string
}

/**
 * Finds what to run. Pass the files that the user sees (`folderFiles`) in order to find features that are not committed yet and
 * report them as such; the source itself is opened from the base commit. Throws (exit 2) `source_not_found` with the nearest
 * feature, `source_ambiguous` with the list of features, or `usage`.
 */
export async function resolveSource(request: SourceRequest): Promise<SourcePointer> {
  const { arg, prompt, feature } = request
  if ([arg, prompt, feature].filter((given) => given !== null).length > 1) {
    throw new BelayError('usage', 'More than one thing to run was given', {
      expected: 'one of a path or prompt, --prompt, --feature',
      received: Object.entries({ argument: arg, '--prompt': prompt, '--feature': feature })
        .filter(([, value]) => value !== null)
        .map(([name]) => name)
        .join(' and '),
      next: 'leave all but one out',
    })
  }
  if (prompt !== null) return { kind: 'prompt', text: prompt }
  if (arg === '-') return { kind: 'prompt', text: await request.readStdin() }
  if (feature !== null) return byFeature(request, feature)
  if (arg === null) return choose(request, '')
  if (arg === '') return { kind: 'prompt', text: arg }
  // First as the user sees it, then relative to the root, as messages and documents write it.
  for (const cwd of new Set([request.cwd, request.root])) {
    const path = await repositoryPath({ ...request, cwd }, arg)
    const kind = path === null ? null : await kindOfPath(request.files, path)
    if (path !== null && kind !== null) return byPath(request, path, kind)
  }
  if (/\s/.test(arg)) return { kind: 'prompt', text: arg }
  if (isAbsolute(arg) && (await repositoryPath(request, arg)) === null) throw outside(request, arg)
  throw notFound(request, `There is no file or folder ${quote(arg)}`, arg, await allFeatures(request, '', false))
}

function outside({ root }: SourceRequest, arg: string): BelayError {
  return new BelayError('source_not_found', `${quote(arg)} is not in this repository`, {
    expected: `a path in ${root}`,
    received: quote(arg),
    next: 'belay run FEATURE_FOLDER, or belay run "a prompt of several words"',
  })
}

/** `arg` relative to the repository root (`/` separated, '' for the root); null: it cannot be a path inside the repository. */
async function repositoryPath({ root, cwd }: SourceRequest, arg: string): Promise<string | null> {
  // oxlint-disable-next-line no-control-regex -- no path that anybody types
  if (arg === '' || arg.length > LONGEST_PATH || /[\u0000\n]/.test(arg)) return null
  const inside = relative(root, resolve(cwd, arg))
  if (isInside(inside)) return inside.split(sep).join('/')
  try {
    // The same folder may have two names (/tmp and /private/tmp).
    const real = relative(await realpath(root), await realpath(resolve(cwd, arg)))
    return isInside(real) ? real.split(sep).join('/') : null
  } catch {
    return null // missing
  }
}

function isInside(path: string): boolean {
  return !isAbsolute(path) && path !== '..' && !path.startsWith(`..${sep}`)
}

async function byPath(request: SourceRequest, path: string, kind: 'file' | 'folder'): Promise<SourcePointer> {
  const dir = featureFolder(path, kind)
  if (dir !== null && dir !== '') {
    const layout = await layoutOf(request.files, dir, request.configured)
    if (layout) return { kind: layout, feature: baseName(dir), dir }
  }
  if (kind === 'folder') {
    // specs/, openspec/, openspec/changes/, or a project below the root that contains them.
    const base = path.replace(/(?:^|\/)(?:specs|openspec|openspec\/changes)$/, '')
    const wanted = base === path ? request.configured : path.endsWith('specs') ? 'spec-kit' : 'openspec'
    const scoped = { ...request, configured: wanted }
    if ((await allFeatures(scoped, base, wanted !== null)).length > 0) return choose(scoped, base)
  }
  throw new BelayError('source_not_found', `${path === '' ? 'The repository root' : path} is not a feature`, {
    expected:
      'a folder with tasks.md and either spec.md and plan.md (spec-kit) or proposal.md (OpenSpec), or its tasks.md',
    received: kind === 'file' ? 'another file' : 'a folder without them',
    next: 'belay run FEATURE_FOLDER, or belay run "a prompt of several words"',
  })
}

async function byFeature(request: SourceRequest, id: string): Promise<SourcePointer> {
  if (id.includes('/')) {
    const path = await repositoryPath({ ...request, cwd: request.root }, id)
    if (path !== null && (await kindOfPath(request.files, path)) === 'folder') return byPath(request, path, 'folder')
  }
  const features = await allFeatures(request, '', request.configured !== null)
  const exact = features.filter((candidate) => candidate.feature === id)
  const found = exact.length > 0 ? exact : features.filter((candidate) => prefixOf(candidate.feature) === id)
  const [first] = found
  if (!first) throw notFound(request, `There is no feature ${quote(id)}`, id, features)
  if (found.length > 1) throw ambiguous(found, `--feature ${id} names ${found.length} features`, null)
  return first
}

/** The feature to use if none is named: the one that matches the branch, else the only one. */
async function choose(request: SourceRequest, base: string): Promise<SourcePointer> {
  const features = await allFeatures(request, base, request.configured !== null)
  const specKit = features.filter((candidate) => candidate.kind === 'spec-kit')
  const prefix = request.branch === null ? null : prefixOf(baseName(request.branch))
  const byBranch =
    specKit.find((candidate) => candidate.feature === baseName(request.branch ?? '')) ??
    specKit.find((candidate) => prefix !== null && candidate.feature.startsWith(`${prefix}-`))
  const [first] = features
  if (byBranch) return byBranch
  if (first && features.length === 1) return first
  if (first) throw ambiguous(features, 'Several features could be meant', await activeFeature(request))
  const kinds = request.configured ? [request.configured] : (['spec-kit', 'openspec'] as const)
  const roots = kinds.map((kind) => join(base, FEATURE_ROOTS[kind])).join(' or ')
  const [other] = await allFeatures(request, base, false)
  throw new BelayError('source_not_found', `There is nothing to run: no feature in ${roots}`, {
    expected: `a folder with a feature in ${roots}, or a prompt`,
    received: other ? `task.source ${request.configured ?? ''}, and features such as ${other.dir}` : 'none',
    next: other ? `belay run ${other.dir}, or task.source: ${other.kind}` : 'belay run "what to do"',
  })
}

/** Every feature below `base`, spec-kit first; with `only`, just those of the configured kind. */
async function allFeatures({ files, configured }: SourceRequest, base: string, only: boolean): Promise<Candidate[]> {
  const found: Candidate[] = []
  for (const kind of ['spec-kit', 'openspec'] as const) {
    if (only && configured !== kind) continue
    const root = join(base, FEATURE_ROOTS[kind])
    for (const feature of await featuresIn(files, kind, root)) found.push({ kind, feature, dir: `${root}/${feature}` })
  }
  return found
}

/** The number (`004`) or timestamp (`20260319-143022`) at the beginning of a branch or folder name; null: neither. */
function prefixOf(name: string): string | null {
  const stamp = /^(\d{8}-\d{6})-/.exec(name)
  if (stamp) return stamp[1] ?? null
  // A timestamp without a name after it is not the number 20260319.
  return /^\d{7,8}-\d{6}(?:-|$)/.test(name) ? null : (/^(\d{3,})-/.exec(name)?.[1] ?? null)
}

/** The feature that spec-kit itself considers current. Useful as a hint, but too easily stale to be followed. */
async function activeFeature({ files }: SourceRequest): Promise<string | null> {
  const text = (await files.read('.specify/feature.json')) ?? ''
  const path = /"feature_directory"\s*:\s*"([^"\\\n]+)"/.exec(text)?.[1]
  return path === undefined ? null : baseName(path.replace(/\/+$/, ''))
}

function join(base: string, path: string): string {
  return base === '' ? path : `${base}/${path}`
}

function ambiguous(features: readonly Candidate[], message: string, active: string | null): BelayError {
  const listed = features.map(({ dir }) => dir)
  const next = features.some(({ feature }) => feature === active) ? active : 'ID'
  return new BelayError('source_ambiguous', [`${message}:`, ...listed].join('\n'), {
    expected: 'one feature',
    received: `${features.length} features`,
    next: `belay run --feature ${next ?? 'ID'}, or belay run ${listed[0] ?? 'PATH'}`,
  })
}

function notFound(request: SourceRequest, message: string, wanted: string, features: readonly Candidate[]): BelayError {
  const names = features.flatMap(({ feature, dir }) => [feature, dir])
  const near = nearest(wanted, names)
  const listed = features.map(({ dir }) => dir)
  return new BelayError('source_not_found', near === null ? message : `${message}; did you mean ${near}?`, {
    expected: listed.length > 0 ? `one of ${listed.slice(0, 20).join(', ')}` : 'an existing feature',
    received: quote(wanted),
    next: request.arg === null ? 'belay run --feature ID' : `a prompt of one word: belay run --prompt ${quote(wanted)}`,
  })
}
