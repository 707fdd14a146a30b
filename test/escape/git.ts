import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

const WHO = '-c user.name=evil -c user.email=evil@example.org'
const COMMON = '"$(git rev-parse --path-format=absolute --git-common-dir)"'

/** The user looks at the workspace, and commits in the checkout; whether that ran what was planted. */
function plantedRan(m: Machine): boolean {
  const env = { PATH: process.env['PATH'] ?? '', HOME: m.home }
  const run = (cwd: string, ...args: string[]): void => {
    try {
      execFileSync('git', ['-c', 'user.name=u', '-c', 'user.email=u@example.org', ...args], {
        cwd,
        env,
        stdio: 'ignore',
      })
    } catch {
      // What was planted may break it; only whether it ran counts.
    }
  }
  run(m.workspace, 'status')
  m.file('checkout/a', 'b\n')
  run(m.checkout, 'status')
  run(m.checkout, 'add', '-A')
  run(m.checkout, 'diff', '--cached', '-p')
  run(m.checkout, 'commit', '-qm', 'two')
  run(m.checkout, 'log', '-p', '-1')
  return existsSync(join(m.outside, 'ran'))
}

const plant = (m: Machine): string => `'touch ${m.outside}/ran; cat'`

/** The repository as a way out: its hooks, its configuration, its refs and objects. */
export const GIT: readonly Attempt[] = [
  {
    name: 'git-other-folder',
    tries: "commit in the user's checkout with `git -C`",
    script: (m) => `git -C ${m.checkout} ${WHO} commit -q --allow-empty -m evil`,
    escaped: (m) => m.git('log', '-1', '--format=%s', 'main') === 'evil',
  },
  {
    name: 'git-hook',
    tries: "plant a hook in the repository that the user's git runs",
    script: (m) => `h=${COMMON}/hooks/pre-commit; printf '#!/bin/sh\\ntouch ${m.outside}/ran\\n' > $h && chmod +x $h`,
    escaped: plantedRan,
  },
  {
    name: 'git-fsmonitor',
    tries: 'configure a file system monitor that git runs',
    script: (m) => `git config core.fsmonitor ${plant(m)}`,
    escaped: plantedRan,
  },
  {
    name: 'git-hooks-path',
    tries: 'point `core.hooksPath` into the workspace',
    script: (m) =>
      `mkdir h && printf '#!/bin/sh\\ntouch ${m.outside}/ran\\n' > h/pre-commit && chmod +x h/pre-commit && git config core.hooksPath $PWD/h`,
    escaped: plantedRan,
  },
  {
    name: 'git-filter',
    tries: 'configure a clean filter, and attributes that use it',
    script: (m) =>
      `git config filter.x.clean ${plant(m)} && mkdir -p ${COMMON}/info && echo '* filter=x' > ${COMMON}/info/attributes`,
    escaped: plantedRan,
  },
  {
    name: 'git-textconv',
    tries: 'configure a text conversion for diffs, and attributes that use it',
    script: (m) =>
      `git config diff.x.textconv ${plant(m)} && mkdir -p ${COMMON}/info && echo '* diff=x' > ${COMMON}/info/attributes`,
    escaped: plantedRan,
  },
  {
    name: 'git-worktree-pointer',
    tries: "make the workspace's `.git` point to a repository with a configuration of its own",
    script: (m) =>
      `git init -q evil && git -C evil config core.fsmonitor ${plant(m)} && rm .git && echo "gitdir: $PWD/evil/.git" > .git`,
    escaped: plantedRan,
  },
  {
    name: 'git-pointer-replaced',
    tries: "put a repository folder in the place of the workspace's `.git`",
    script: (m) =>
      `git init -q evil && git -C evil config core.fsmonitor ${plant(m)} && mv .git was && mv evil/.git .git`,
    escaped: plantedRan,
  },
  {
    name: 'git-common-dir',
    tries: "redirect the worktree's common folder",
    script: (m) =>
      `git init -q evil && git -C evil config core.fsmonitor ${plant(m)} && echo $PWD/evil/.git > "$(git rev-parse --absolute-git-dir)/commondir"`,
    escaped: plantedRan,
  },
  {
    name: 'git-user-config',
    tries: "change the user's own ~/.gitconfig",
    prepare: (m) => void m.file('home/.gitconfig', ''),
    script: (m) => `git config --global core.fsmonitor ${plant(m)}`,
    escaped: plantedRan,
  },
  {
    name: 'git-ref',
    tries: "move the user's branch",
    script: () =>
      `t=$(git rev-parse 'HEAD^{tree}') && c=$(git ${WHO} commit-tree -m evil $t) && git update-ref refs/heads/main $c`,
    escaped: (m) => m.git('log', '-1', '--format=%s', 'main') === 'evil',
  },
  {
    name: 'git-objects',
    tries: "remove the repository's objects",
    script: () => `rm -rf ${COMMON}/objects`,
    escaped: (m) => !m.has('checkout/.git/objects'),
  },
]
