import { mkdir, mkdtemp, readdir, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { programFile } from '../core/program-file.ts'
import { git, tryGit } from '../git/run.ts'
import { demoFiles } from './files.ts'

export interface DemoProject {
  /** Absolute path, without symbolic links. */
  readonly dir: string
  /** Paths of the committed files, relative to `dir`, in order. */
  readonly files: readonly string[]
}

/** The scripted agent's program. */
export const DEMO_AGENT = programFile('demo/agent')

/**
 * Creates the demo project, a git repository with one commit on `main`, in `dir` (which is created if necessary, and must be
 * empty). null: in a new folder in the system's temporary folder. Throws `demo_folder_not_empty`, or errors of git.
 */
export async function createDemoProject(dir: string | null): Promise<DemoProject> {
  const folder = dir === null ? await mkdtemp(join(tmpdir(), 'belay-demo-')) : resolve(dir)
  await mkdir(folder, { recursive: true })
  const found = await readdir(folder)
  if (found.length > 0) {
    throw new BelayError('demo_folder_not_empty', `the demo needs an empty folder: ${folder}`, {
      expected: 'a folder that is empty or not there yet',
      received: `${found.length} entries, such as ${found.slice(0, 3).join(', ')}`,
      next: 'name another folder with --dir, or leave --dir out',
    })
  }
  const files = demoFiles(process.execPath, DEMO_AGENT)
  for (const [path, text] of files) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  await commit(folder)
  return { dir: await realpath(folder), files: [...files.keys()] }
}

async function commit(cwd: string): Promise<void> {
  await git(['init', '-q', '-b', 'main'], { cwd })
  // The demo must also work before the user has told git their name, and without a passphrase for signing.
  const settings = [['commit.gpgsign', 'false']]
  if (!(await knows(cwd, 'user.name'))) settings.push(['user.name', 'Belay demo'])
  if (!(await knows(cwd, 'user.email'))) settings.push(['user.email', 'demo@belay.invalid'])
  for (const [key = '', value = ''] of settings) await git(['config', '--local', key, value], { cwd })
  await git(['add', '--all', '--force'], { cwd })
  await git(['commit', '-q', '-m', 'chore: begin the demo'], { cwd })
}

async function knows(cwd: string, key: string): Promise<boolean> {
  return (await tryGit(['config', '--get', key], { cwd })).stdout.toString().trim() !== ''
}
