/** Finds out how a project is tested and made usable. Reads files and asks git; runs nothing of the project. */
import { PROGRAM_NAMES, type ProviderName } from '../config/index.ts'
import { tryGit } from '../git/run.ts'
import { resolveProgram } from '../process/index.ts'
import type { Detector, Ecosystem, FoundCommand, Tools } from './ecosystem.ts'
import { folderAt, isForeign, type Folder } from './folder.ts'
import { dotnet, go, java, rust } from './languages/compiled.ts'
import { javascript } from './languages/javascript.ts'
import { python } from './languages/python.ts'
import { make, php, ruby } from './languages/scripting.ts'

/** A command and the folder in which it runs, relative to the root; null: the root. */
export interface ProjectCommand extends FoundCommand {
  readonly cwd: string | null
}

export interface Detected {
  readonly root: string
  readonly languages: readonly string[]
  readonly managers: readonly string[]
  readonly gates: readonly ProjectCommand[]
  readonly setup: readonly ProjectCommand[]
  readonly setupInputs: readonly string[]
  /** Git-ignored files that the project probably needs, such as `.env`. */
  readonly copy: readonly string[]
  readonly source: 'spec-kit' | 'openspec' | null
  /** Agents on PATH, in order of preference. */
  readonly agents: readonly ProviderName[]
  /** What the user should know or fix. */
  readonly notes: readonly string[]
}

export interface DetectOptions {
  readonly env: Readonly<Record<string, string | undefined>>
}

interface Place {
  readonly folder: Folder
  readonly found: Ecosystem
}

const LANGUAGES: readonly Detector[] = [javascript, python, go, rust, ruby, java, dotnet, php]

/** With more parts than this, a person has to choose. */
const MAX_PARTS = 6

/**
 * What is found at `root`, the top of a checkout. If nothing there can be tested, sub-folders (two levels) are searched, and
 * commands get their folder. Never fails because of the content of files.
 */
export async function detectProject(root: string, options: DetectOptions): Promise<Detected> {
  const tools: Tools = { installed: (program) => resolveProgram(program, root, options.env['PATH']) !== null }
  const top = folderAt(root)
  const { places, notes } = survey(top, tools)
  const copy = await ignoredFiles(root)
  return {
    root,
    languages: unique(places.map(({ found }) => found.language)),
    managers: unique(places.flatMap(({ found }) => (found.manager === null ? [] : [found.manager]))),
    gates: places.flatMap(({ folder, found }) => inFolder(folder, found.gates)),
    setup: places.flatMap(({ folder, found }) => inFolder(folder, found.setup)),
    setupInputs: unique(places.flatMap(({ folder, found }) => found.inputs.map((name) => below(folder, name)))),
    copy,
    source: sourceOf(top),
    agents: PROGRAM_NAMES.filter((name) => tools.installed(name)),
    notes: [
      ...notes,
      ...places.flatMap(({ found }) => found.notes),
      ...missingPrograms(places, tools),
      ...(await unignored(root, places)),
    ],
  }
}

function survey(top: Folder, tools: Tools): { places: readonly Place[]; notes: string[] } {
  const atTop = LANGUAGES.flatMap((detect) => look(detect, top, tools))
  const tested = atTop.filter(({ found }) => found.gates.length > 0)
  // A language without a gate here (such as a package.json only for a formatter) needs no setup either.
  if (tested.length > 0) return { places: tested, notes: leftOut(top, tested, tools) }
  const byMake = look(make, top, tools).filter(({ found }) => found.gates.length > 0)
  if (byMake.length > 0) return { places: [...atTop, ...byMake], notes: [] }
  const parts = subFolders(top, 2).flatMap((folder) => LANGUAGES.flatMap((detect) => look(detect, folder, tools)))
  const own = outermost(parts.filter(({ found }) => found.gates.length > 0))
  const dropped = own.slice(MAX_PARTS).map(({ folder }) => folder.path)
  const notes = dropped.length > 0 ? [`more parts were found and left out: ${dropped.join(', ')}`] : []
  return { places: [...atTop, ...own.slice(0, MAX_PARTS).map((part) => sharing(atTop, part))], notes }
}

/** Drops the setup of a workspace member: it is installed with the root, and has no lockfile of its own. */
function sharing(atTop: readonly Place[], part: Place): Place {
  const shared = atTop.some(({ found }) => found.setup.length > 0 && found.byproducts.includes('node_modules'))
  if (!shared || part.found.inputs.join() !== 'package.json') return part
  return { folder: part.folder, found: { ...part.found, setup: [], inputs: [], byproducts: [] } }
}

function look(detect: Detector, folder: Folder, tools: Tools): Place[] {
  const found = detect(folder, tools)
  return found === null ? [] : [{ folder, found }]
}

function subFolders(folder: Folder, depth: number): Folder[] {
  if (depth === 0) return []
  const names = folder.names().filter((name) => name.endsWith('/') && !isForeign(name))
  const found: Folder[] = []
  for (const name of names.slice(0, 100)) {
    const sub = folder.sub(name.slice(0, -1))
    found.push(sub, ...subFolders(sub, depth - 1))
  }
  return found
}

/** Without parts inside other parts of the same language: a package's example is not a separate part. */
function outermost(places: readonly Place[]): Place[] {
  return places.filter(
    ({ folder, found }) =>
      !places.some(
        (other) => folder.path.startsWith(`${other.folder.path}/`) && other.found.language === found.language,
      ),
  )
}

/** Notes on parts in other languages than the root's, which the proposal does not cover. */
function leftOut(top: Folder, tested: readonly Place[], tools: Tools): string[] {
  const known = new Set(tested.map(({ found }) => found.language))
  if (known.has('TypeScript')) known.add('JavaScript')
  return subFolders(top, 1).flatMap((folder) =>
    LANGUAGES.flatMap((detect) => look(detect, folder, tools))
      .filter(({ found }) => found.gates.length > 0 && !known.has(found.language))
      .map(
        ({ found }) =>
          `${folder.path}/ (${found.language}) is not checked; to check it: ${found.gates[0]?.run} in ${folder.path}`,
      ),
  )
}

function inFolder(folder: Folder, commands: readonly FoundCommand[]): ProjectCommand[] {
  return commands.map(({ run, why }) => ({ run, why, cwd: folder.path === '' ? null : folder.path }))
}

function below(folder: Folder, name: string): string {
  return folder.path === '' ? name : `${folder.path}/${name}`
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

function sourceOf(top: Folder): Detected['source'] {
  if (top.has('specs')) return 'spec-kit'
  return top.has('openspec/changes') ? 'openspec' : null
}

function missingPrograms(places: readonly Place[], tools: Tools): string[] {
  const missing = unique(places.flatMap(({ found }) => found.programs)).filter((program) => !tools.installed(program))
  return missing.map((program) => `${program} is needed and not on PATH`)
}

/** Notes on what setup creates and git does not ignore: it would look like part of every task's change. */
async function unignored(root: string, places: readonly Place[]): Promise<string[]> {
  const paths = places.flatMap(({ folder, found }) => found.byproducts.map((name) => below(folder, name)))
  const notes: string[] = []
  for (const path of paths) {
    const asked = path.endsWith('.lock') ? path : `${path}/`
    const { code } = await tryGit(['check-ignore', '--quiet', '--no-index', '--', asked], { cwd: root })
    if (code === 1)
      notes.push(
        `git does not ignore ${asked.replace('package.egg-info', '*.egg-info')}: add it to .gitignore, or commit it`,
      )
  }
  return notes
}

const WANTED =
  /^(\.env(\..+)?|\.envrc|\.dev\.vars|\.npmrc|local\.properties|master\.key|appsettings\.(Development|Local)\.json|local\.settings\.json)$/
const EXAMPLE = /\.(example|sample|template|dist|defaults?)$/

const MAX_COPIES = 20

/** Ignored files with the usual names of files that projects need and must not commit. */
async function ignoredFiles(root: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory', '--no-empty-directory']
  const { code, stdout } = await tryGit(args, { cwd: root })
  if (code !== 0) return []
  const paths = stdout.toString('utf8').split('\0')
  const wanted = paths.filter((path) => {
    const parts = path.split('/')
    const name = parts.at(-1) ?? ''
    return WANTED.test(name) && !EXAMPLE.test(name) && !parts.slice(0, -1).some((part) => isForeign(part))
  })
  return wanted.sort().slice(0, MAX_COPIES)
}
