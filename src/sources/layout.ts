/** Detects the layout of a folder in the repository. */
import { baseName } from './documents.ts'
import type { SourceFiles } from './port.ts'
import { readSpecKitTasks } from './spec-kit-tasks.ts'

export type FeatureKind = 'spec-kit' | 'openspec'

export const FEATURE_ROOTS: Readonly<Record<FeatureKind, string>> = {
  'spec-kit': 'specs',
  openspec: 'openspec/changes',
}

/** Files to which a path may point instead of their feature's folder. */
const DOCUMENTS = new Set(['tasks.md', 'spec.md', 'plan.md', 'proposal.md', 'design.md'])

/** What is at `path`; null: nothing. The root ('') is a folder. */
export async function kindOfPath(files: SourceFiles, path: string): Promise<'file' | 'folder' | null> {
  if (path === '') return 'folder'
  const cut = path.lastIndexOf('/')
  const names = await files.list(path.slice(0, Math.max(cut, 0)))
  if (names.includes(`${baseName(path)}/`)) return 'folder'
  return names.includes(baseName(path)) ? 'file' : null
}

/** The folder of the feature that `path` (its folder or one of its documents) belongs to; null for any other file. */
export function featureFolder(path: string, kind: 'file' | 'folder'): string | null {
  if (kind === 'folder') return path
  return DOCUMENTS.has(baseName(path)) && path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : null
}

/**
 * The layout of the folder `dir`; null: it is not a feature. Decided by its documents, else by its location, else by how its
 * tasks are written. A folder with the documents of both layouts has its location's, else the `preferred` one.
 */
export async function layoutOf(
  files: SourceFiles,
  dir: string,
  preferred: FeatureKind | null,
): Promise<FeatureKind | null> {
  const names = await files.list(dir)
  const place = placeOf(dir)
  const openspec = names.includes('proposal.md')
  const specKit = names.includes('spec.md') || names.includes('plan.md')
  if (openspec !== specKit) return openspec ? 'openspec' : 'spec-kit'
  if (openspec && specKit) return place ?? preferred ?? 'spec-kit'
  if (!names.includes('tasks.md')) return null
  if (place) return place
  const { tasks } = readSpecKitTasks((await files.read(`${dir}/tasks.md`)) ?? '')
  return tasks.length > 0 ? 'spec-kit' : 'openspec'
}

function placeOf(dir: string): FeatureKind | null {
  if (/(?:^|\/)openspec\/changes\/(?:archive\/)?[^/]+$/.test(dir)) return 'openspec'
  return /(?:^|\/)specs\/[^/]+$/.test(dir) ? 'spec-kit' : null
}

/** The names of all features (folders) below a feature root, sorted; their content is not checked. */
export async function featuresIn(files: SourceFiles, kind: FeatureKind, root: string): Promise<string[]> {
  const names = (await files.list(root)).filter((name) => name.endsWith('/') && !name.startsWith('.'))
  return names.map((name) => name.slice(0, -1)).filter((name) => kind !== 'openspec' || name !== 'archive')
}
