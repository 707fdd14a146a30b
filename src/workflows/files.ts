/** Where workflow files are: by name in a repository's own folder, or anywhere by path. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { readConfigFile } from '../config/files.ts'
import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import { checkParsed, type Checked } from './check.ts'
import { ID } from './schema.ts'

/** The folder of a project's workflows, relative to its root. */
export const WORKFLOWS_FOLDER = '.belay/workflows'

const ENDINGS = ['.yaml', '.yml', '.json'] as const

export interface WorkflowFile extends Checked {
  /** Absolute path; its folder is free of symbolic links. */
  readonly file: string
  /** The file's name for people. */
  readonly called: string
}

/**
 * The file for NAME|PATH: a path if it has a slash or a known extension, else a workflow of the project at `root`. Throws
 * `workflow_unknown`, `workflow_ambiguous` or `workflow_missing` (exit 2).
 */
export async function findWorkflow(cwd: string, root: string, wanted: string): Promise<string> {
  const isPath = wanted.includes('/') || (ENDINGS as readonly string[]).includes(extname(wanted))
  if (isPath) return existing(cwd, wanted)
  const known = await listWorkflows(root)
  const found = known.filter((one) => one.name === wanted)
  const [first, second] = found
  if (first !== undefined && second !== undefined) {
    throw new BelayError('workflow_ambiguous', `two files are called ${wanted}`, {
      expected: 'one file of that name',
      received: found.map((one) => basename(one.file)).join(', '),
      next: 'rename one of them',
    })
  }
  if (first !== undefined) return first.file
  const names = known.map((one) => one.name)
  const near = nearest(wanted, names)
  throw new BelayError('workflow_unknown', `there is no workflow "${wanted}" in ${WORKFLOWS_FOLDER}`, {
    expected: names.length === 0 ? `a file ${WORKFLOWS_FOLDER}/${wanted}.yaml, or a path` : names.join(', '),
    received: wanted,
    next: near === null ? 'belay workflow list' : `did you mean ${near}?`,
  })
}

async function existing(cwd: string, path: string): Promise<string> {
  const file = isAbsolute(path) ? path : resolve(cwd, path)
  try {
    const { isFile } = await stat(file).then((found) => ({ isFile: found.isFile() }))
    if (isFile) return join(await realpath(dirname(file)), basename(file))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw missing(path, cause)
  }
  throw missing(path, undefined)
}

function missing(path: string, cause: unknown): BelayError {
  return new BelayError('workflow_missing', `there is no file ${path}`, {
    expected: 'a workflow file',
    received: path,
    next: 'belay workflow list',
    cause,
  })
}

/** The files in the project's workflow folder, sorted by name. */
export async function listWorkflows(
  root: string,
): Promise<readonly { readonly name: string; readonly file: string }[]> {
  const folder = join(root, WORKFLOWS_FOLDER)
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
  return entries
    .filter((entry) => (ENDINGS as readonly string[]).includes(extname(entry.name)))
    .map((entry) => ({ name: basename(entry.name, extname(entry.name)), file: join(folder, entry.name) }))
    .filter((one) => ID.test(one.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Reads and checks a workflow file. Agents' programs with a slash are relative to `root`. */
export async function readWorkflow(file: string, root: string, cwd: string): Promise<WorkflowFile> {
  const near = relative(cwd, file)
  const called = near === '' || near.startsWith('../../..') ? file : near
  const parsed = await readConfigFile(file, 'yaml', called)
  return { file, called, ...checkParsed(parsed, called, root) }
}
