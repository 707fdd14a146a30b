import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import { call } from './calls.ts'

/** Escapes from the workspace through files. */
export const FILES: readonly Attempt[] = [
  {
    name: 'write-absolute',
    tries: 'write a file outside by its absolute path',
    script: (m) => `echo x > ${m.outside}/made`,
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'dot-dot',
    tries: 'walk out with `..`',
    script: () => 'cd .. && cd .. && cd .. && echo x > outside/made',
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'symlink-write',
    tries: 'write through a symbolic link in the workspace',
    script: (m) => `ln -s ${m.outside}/made link && echo x > link`,
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'symlink-read',
    tries: 'read a key through a symbolic link in the workspace',
    prepare: (m) => void m.file('home/.ssh/id_ed25519', m.token),
    script: (m) => `ln -s ${m.home}/.ssh keys && cat keys/id_ed25519`,
  },
  {
    name: 'folder-swap',
    tries: 'swap a folder for a link while a copy into it runs',
    script: (m) => `mkdir d && echo x > f && rmdir d && ln -s ${m.outside} d && cp f d/made`,
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'workspace-swap',
    tries: 'put a link in the place of the workspace itself, for the next program',
    script: (m) => `cd .. && mv w was && ln -s ${m.outside} w`,
    escaped: (m) => lstatSync(m.workspace).isSymbolicLink(),
  },
  {
    name: 'planted-link-write',
    tries: 'put a link where the policy lets the next program write',
    write: ['state/workspaces/w/cache'],
    first: (m) => `ln -s ${m.outside} cache`,
    script: () => 'echo x > cache/made',
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'planted-link-read',
    tries: 'put a link where the policy lets the next program read',
    read: ['state/workspaces/w/given'],
    prepare: (m) => void m.file('home/.ssh/id_rsa', m.token),
    first: (m) => `ln -s ${m.home}/.ssh given`,
    script: () => 'cat given/id_rsa',
  },
  {
    name: 'planted-link-later',
    tries: 'put a link where the policy of the next sandbox lets its programs write',
    write: ['state/workspaces/w/cache/deep'],
    refused: true,
    prepare(m) {
      mkdirSync(join(m.dir, 'deep'))
      symlinkSync(m.dir, join(m.workspace, 'cache'))
    },
    script: () => 'echo x > cache/deep/made',
    escaped: (m) => m.has('deep/made'),
  },
  {
    name: 'hard-link',
    tries: 'change a file outside through a hard link',
    script: (m) => `ln ${m.outside}/secret here && echo x > here`,
    escaped: (m) => m.read('outside/secret') === 'x\n',
  },
  {
    name: 'rename-over',
    tries: 'rename a file over one outside',
    script: (m) => `echo x > new && mv new ${m.outside}/secret`,
    escaped: (m) => m.read('outside/secret') === 'x\n',
  },
  {
    name: 'rename-out',
    tries: 'move a folder of the machine into the workspace',
    script: (m) => `mv ${m.outside} taken`,
    escaped: (m) => !m.has('outside'),
  },
  {
    name: 'unlink',
    tries: 'remove a file outside',
    script: (m) => `rm -f ${m.outside}/secret`,
    escaped: (m) => !m.has('outside/secret'),
  },
  {
    name: 'chmod',
    tries: 'make a file outside writable for everybody',
    script: (m) => `chmod 666 ${m.outside}/secret`,
    escaped: (m) => (statSync(join(m.outside, 'secret')).mode & 0o777) === 0o666,
  },
  {
    name: 'open-truncate',
    tries: 'cut a file outside that is opened for reading and writing',
    script: (m) => `perl -e 'open F, "+<", "${m.outside}/secret" or exit 1; truncate F, 0'`,
    escaped: (m) => m.read('outside/secret') === '',
  },
  {
    name: 'proc-root',
    tries: 'write by way of /proc/self/root',
    script: (m) => `echo x > /proc/self/root${m.outside}/made`,
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'shell-start-file',
    tries: "append to the user's .bashrc",
    prepare: (m) => void m.file('home/.bashrc', ''),
    script: (m) => `echo evil >> ${m.home}/.bashrc`,
    escaped: (m) => m.read('home/.bashrc') !== '',
  },
  {
    name: 'program-on-path',
    tries: "put a program into a folder of the user's PATH",
    prepare: (m) => void m.file('home/.local/bin/there', ''),
    script: (m) => `echo evil > ${m.home}/.local/bin/git`,
    escaped: (m) => m.has('home/.local/bin/git'),
  },
  {
    name: 'read-ssh-key',
    tries: 'read an SSH key',
    prepare: (m) => void m.file('home/.ssh/id_rsa', m.token),
    script: (m) => `cat ${m.home}/.ssh/id_rsa`,
  },
  {
    name: 'read-cloud-login',
    tries: 'read a login of a cloud',
    prepare: (m) => void m.file('home/.aws/credentials', m.token),
    script: (m) => `cat ${m.home}/.aws/credentials`,
  },
  {
    name: 'read-token-file',
    tries: 'read a file with tokens (.netrc)',
    prepare: (m) => void m.file('home/.netrc', m.token),
    script: (m) => `cat ${m.home}/.netrc`,
  },
  {
    name: 'read-agent-login',
    tries: "read another agent's login",
    prepare: (m) => void m.file('home/.codex/auth.json', m.token),
    script: (m) => `cat ${m.home}/.codex/auth.json`,
  },
  {
    name: 'agent-settings',
    tries: "plant a program in the agent's own settings, for the user's next start",
    own: 'home/.codex',
    prepare: (m) => void m.file('home/.codex/config.toml', 'mine'),
    script: (m) =>
      `cd ${m.home}/.codex && grep -q mine config.toml || exit; echo evil >> config.toml; echo evil > hooks.json; mkdir hooks; echo evil > hooks/x`,
    escaped: (m) =>
      m.read('home/.codex/config.toml') !== 'mine' || m.has('home/.codex/hooks.json') || m.has('home/.codex/hooks'),
  },
  { name: 'read-record', tries: "read Belay's record", script: (m) => `cat ${m.state}/belay.db` },
  {
    name: 'write-record',
    tries: "change Belay's record",
    script: (m) => `echo x >> ${m.state}/belay.db`,
    escaped: (m) => m.read('state/belay.db') !== m.token,
  },
  {
    name: 'other-workspace',
    tries: "read another task's workspace",
    prepare: (m) => void m.file('state/workspaces/other/a', m.token),
    script: () => 'cat ../other/a',
  },
  {
    name: 'password-hashes',
    tries: 'read /etc/shadow',
    root: true,
    script: () => 'grep -c : /etc/shadow && echo got',
    escaped: (_, out) => out.includes('got'),
  },
  {
    name: 'shared-temporary-file',
    tries: "plant a file in the machine's /tmp",
    script: (m) => `echo x > /tmp/belay-escape-${m.id}`,
    escaped: (m) => seenAndRemoved(`/tmp/belay-escape-${m.id}`),
  },
  {
    name: 'shared-memory-file',
    tries: "plant a file in the machine's /dev/shm",
    script: (m) => `echo x > /dev/shm/belay-escape-${m.id}`,
    escaped: (m) => seenAndRemoved(`/dev/shm/belay-escape-${m.id}`),
  },
  {
    name: 'cron',
    tries: 'plant a job of cron',
    root: true,
    // A name with dots is no job.
    script: (m) => `mkdir -p /etc/cron.d; echo x > /etc/cron.d/belay.escape.${m.id}`,
    escaped: (m) => seenAndRemoved(`/etc/cron.d/belay.escape.${m.id}`),
  },
  {
    name: 'loader',
    tries: 'change where the dynamic loader looks',
    root: true,
    script: (m) => `mkdir -p /etc/ld.so.conf.d; echo '#' > /etc/ld.so.conf.d/belay-${m.id}.txt`,
    escaped: (m) => seenAndRemoved(`/etc/ld.so.conf.d/belay-${m.id}.txt`),
  },
  {
    name: 'set-user-id',
    tries: "leave a program in the workspace that runs as the file's owner, root",
    root: true,
    script: () => 'cp /bin/sh tool && chmod 4755 tool',
    escaped: (m) => isSetUserIdRoot(join(m.workspace, 'tool')),
  },
  {
    name: 'set-user-id-create',
    tries: 'the same with the mode given when the file is made',
    root: true,
    script: () => `perl -MFcntl -e 'umask 0; sysopen F, "tool", O_CREAT|O_WRONLY, 04755'`,
    escaped: (m) => isSetUserIdRoot(join(m.workspace, 'tool')),
  },
  {
    name: 'set-user-id-unnamed',
    tries: 'the same with a file that gets its name afterwards',
    root: true,
    missing: () => (hasUnnamedFiles(homedir()) ? null : 'this file system has no unnamed files (O_TMPFILE)'),
    // __O_TMPFILE; AT_FDCWD, AT_SYMLINK_FOLLOW.
    script: () =>
      `perl -MFcntl -e 'umask 0; sysopen F, ".", 020000000|O_DIRECTORY|O_RDWR, 04755 or die "$!"; $f = "/proc/self/fd/" . fileno F; $t = "tool"; syscall(${call('linkat')}, -100, $f, -100, $t, 0x400)'`,
    escaped: (m) => isSetUserIdRoot(join(m.workspace, 'tool')),
  },
  {
    name: 'device-node',
    tries: 'make a device node in the workspace',
    root: true,
    script: () => 'mknod device c 1 3',
    escaped: (m) => statSync(join(m.workspace, 'device'), { throwIfNoEntry: false })?.isCharacterDevice() ?? false,
  },
]

function hasUnnamedFiles(folder: string): boolean {
  const script = `sysopen F, $ARGV[0], 020000000|O_DIRECTORY|O_RDWR, 0600 and print "yes"`
  return execFileSync('perl', ['-MFcntl', '-e', script, folder], { encoding: 'utf8' }) === 'yes'
}

function isSetUserIdRoot(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && found.uid === 0 && (found.mode & 0o4000) !== 0
}

function seenAndRemoved(path: string): boolean {
  const seen = existsSync(path)
  rmSync(path, { force: true })
  return seen
}
