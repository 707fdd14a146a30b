import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

const WHO = '-c user.name=evil -c user.email=evil@example.org'
const COMMON = '"$(git rev-parse --path-format=absolute --git-common-dir)"'

/** Runs git as the user. A planted file may make it fail: only whether the planted program ran matters. */
function run(m: Machine, folder: string, ...args: readonly string[]): void {
  const env = { PATH: process.env['PATH'] ?? '', HOME: m.home }
  const who = ['-c', 'user.name=u', '-c', 'user.email=u@example.org', ...args]
  spawnSync('git', who, { cwd: join(m.dir, folder), env, stdio: 'ignore' })
}

/** The user looks at the workspace, and commits in the checkout; whether that ran what was planted. */
function plantedRan(m: Machine): boolean {
  run(m, 'state/workspaces/w', 'status')
  m.file('checkout/a', 'b\n')
  run(m, 'checkout', 'status')
  run(m, 'checkout', 'add', '-A')
  run(m, 'checkout', 'diff', '--cached', '-p')
  run(m, 'checkout', 'commit', '-qm', 'two')
  run(m, 'checkout', 'log', '-p', '-1')
  return m.has('outside/ran')
}

/** The user looks at a folder, and commits there; whether that ran what was planted. */
function usedRan(m: Machine, folder: string): boolean {
  run(m, folder, 'status')
  run(m, folder, 'commit', '-q', '--allow-empty', '-m', 'two')
  return m.has('outside/ran')
}

function nested(m: Machine): void {
  m.file('plain/sub/a', 'a\n')
  run(m, 'plain/sub', 'init', '-q', '.')
}

const hook = (m: Machine, gitDir: string): string =>
  `mkdir -p ${gitDir}/hooks && printf '#!/bin/sh\\ntouch ${m.outside}/ran\\n' > ${gitDir}/hooks/pre-commit && chmod +x ${gitDir}/hooks/pre-commit`

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
  {
    name: 'git-init',
    tries: 'make a repository where there was none, with a file system monitor',
    workspace: 'plain',
    script: (m) => `git init -q . && git config core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'plain'),
  },
  {
    name: 'git-init-hook',
    tries: 'make a repository where there was none, with a hook',
    workspace: 'plain',
    script: (m) => `git init -q . && ${hook(m, '.git')}`,
    escaped: (m) => usedRan(m, 'plain'),
  },
  {
    name: 'git-bare',
    tries: 'make the workspace itself a bare repository whose working tree it is',
    workspace: 'plain',
    script: (m) =>
      `git init -q --bare . && git config core.bare false && git config core.worktree "$PWD" && git config core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'plain'),
  },
  {
    name: 'git-nested',
    tries: 'configure a file system monitor in a repository in a folder of the workspace',
    workspace: 'plain',
    prepare: nested,
    script: (m) => `git -C sub config core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'plain/sub'),
  },
  {
    name: 'git-nested-hook',
    tries: 'plant a hook in a repository in a folder of the workspace that has none',
    workspace: 'plain',
    prepare: nested,
    script: (m) => `rm -rf sub/.git/hooks; ${hook(m, 'sub/.git')}`,
    escaped: (m) => usedRan(m, 'plain/sub'),
  },
  {
    name: 'git-nested-replaced',
    tries: 'put a folder with a repository in the place of another',
    workspace: 'plain',
    prepare: nested,
    script: (m) => `mv sub was && git init -q sub && git -C sub config core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'plain/sub'),
  },
  {
    name: 'git-nested-init',
    tries: 'make a repository in a folder of the workspace, found by a `.git` file',
    script: (m) =>
      `mkdir -p new far && git init -q --bare far/x && git -C far/x config core.bare false && git -C far/x config core.fsmonitor ${plant(m)} && echo 'gitdir: ../far/x' > new/.git`,
    escaped: (m) => usedRan(m, 'state/workspaces/w/new'),
  },
  {
    name: 'git-include',
    tries: 'have the configuration of a new repository include another',
    script: (m) =>
      `git init -q new && git config -f more core.fsmonitor ${plant(m)} && git -C new config include.path ../../more`,
    escaped: (m) => usedRan(m, 'state/workspaces/w/new'),
  },
  {
    name: 'git-own-config',
    tries: 'configure a file system monitor in the repository that the workspace is',
    workspace: 'checkout',
    script: (m) => `git config core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'checkout'),
  },
  {
    name: 'git-own-hook',
    tries: 'plant a hook in the repository that the workspace is',
    workspace: 'checkout',
    script: (m) => hook(m, '.git'),
    escaped: (m) => usedRan(m, 'checkout'),
  },
  {
    name: 'git-worktree-config',
    tries: 'configure a file system monitor in `.git/config.worktree`',
    workspace: 'checkout',
    prepare: (m) => void m.git('config', 'extensions.worktreeConfig', 'true'),
    script: (m) => `git config -f .git/config.worktree core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'checkout'),
  },
  {
    name: 'git-other-worktree',
    tries: 'configure a file system monitor for another worktree (`.git/worktrees/NAME/config.worktree`)',
    workspace: 'checkout',
    prepare: (m) => void m.git('config', 'extensions.worktreeConfig', 'true'),
    script: (m) => `git config -f .git/worktrees/w/config.worktree core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'state/workspaces/w'),
  },
  {
    name: 'git-submodule',
    tries: "configure a file system monitor in a submodule's repository (`.git/modules/NAME/config`)",
    workspace: 'checkout',
    prepare(m) {
      nested(m)
      run(m, 'plain/sub', 'commit', '-q', '--allow-empty', '-m', 'one')
      m.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', join(m.dir, 'plain/sub'), 'lib')
      m.git('commit', '-qm', 'with a submodule')
    },
    script: (m) => `git config -f .git/modules/lib/config core.fsmonitor ${plant(m)}`,
    escaped: (m) => usedRan(m, 'checkout'),
  },
  {
    name: 'git-link',
    tries: "make a repository with a filter of its own a part of the user's index, so that git looks into it",
    workspace: 'checkout',
    script: (m) =>
      `git init -q sub && cd sub && echo a > a && git add a && git ${WHO} commit -qm one && git -C .. add sub 2>/dev/null && git config filter.x.clean ${plant(m)} && echo '* filter=x' > .gitattributes && echo b > a && touch -d @1000 a`,
    escaped: (m) => usedRan(m, 'checkout'),
  },
  {
    name: 'git-alternates',
    tries: "have the user's repository take its objects from one of the agent's",
    script: () =>
      `git init -q mine && mkdir -p ${COMMON}/objects/info && echo "$PWD/mine/.git/objects" > ${COMMON}/objects/info/alternates`,
    escaped: (m) => m.has('checkout/.git/objects/info/alternates'),
  },
  {
    name: 'git-live-hook',
    tries: 'plant a hook in a repository that has no hooks, while the program goes on',
    workspace: 'plain',
    prepare: (m) => run(m, 'plain', 'init', '-q', '--template=', '.'),
    script: (m) => `${hook(m, '.git')}; echo x > planted; sleep 1`,
    async during(m) {
      while (!m.has('plain/planted')) await new Promise((resolve) => setTimeout(resolve, 5))
      return usedRan(m, 'plain')
    },
  },
]
