import { Option, type Command } from 'commander'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import type { Isolation } from '../../exec/index.ts'
import { countFlag } from '../numbers.ts'

/** The flags for where a session works; shared by `exec` and `chat`. */
export interface IsolationFlags {
  workspace?: 'here' | 'session'
  repo?: string
  branch?: string
  ref?: string
  depth?: string
  submodules?: true
  collaboration?: 'sequential' | 'parallel'
  part?: string
}

export function addIsolationFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--workspace <where>',
        'here: the current directory; session: a folder of the session, a worktree in a repository',
      ).choices(['here', 'session']),
    )
    .option('--repo <url>', "clone this into the session's workspace; a password in it is used and never stored")
    .option('--branch <name>', 'with --repo: this branch')
    .option('--ref <name>', 'with --repo: this commit, tag or branch')
    .option('--depth <n>', 'with --repo: only this many commits of history')
    .option('--submodules', 'with --repo: its submodules too')
    .addOption(
      new Option(
        '--collaboration <mode>',
        'sequential: each turn is committed and told to the next agent; parallel: each part on its own branch',
      ).choices(['sequential', 'parallel']),
    )
    .option('--part <name>', 'with parallel: the name of the part; merge the parts with: belay session merge')
}

/** The isolation from the flags. A relative path in `--repo` is relative to `cwd`. Throws `usage`. */
export function isolationOf(flags: IsolationFlags, cwd: string): Isolation {
  const { workspace = null, repo, branch = null, ref = null, submodules, collaboration = null, part = null } = flags
  const depth = countFlag('--depth', flags.depth)
  if (repo === undefined && (branch !== null || ref !== null || depth !== null || submodules === true)) {
    throw new BelayError('usage', '--branch, --ref, --depth and --submodules say what of a repository is cloned', {
      expected: '--repo URL',
    })
  }
  const clone =
    repo === undefined ? null : { url: addressFrom(cwd, repo), branch, ref, depth, submodules: submodules === true }
  return { workspace, clone, collaboration, part }
}

/** Interprets an address like `git clone`: `HOST:PATH` is a path only if such a file exists. */
function addressFrom(cwd: string, repo: string): string {
  const isPath = !/^[^/]*:/.test(repo) || existsSync(resolve(cwd, repo))
  return isPath && repo !== '' && !repo.startsWith('-') ? resolve(cwd, repo) : repo
}
