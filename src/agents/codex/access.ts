import type { Access, TurnRequest } from '../port.ts'
import type { AskForApproval, SandboxPolicy } from './protocol.gen.ts'

/**
 * Codex's own sandbox (bubblewrap on Linux, Seatbelt on macOS) for a turn.
 *
 * `workspace-write` lets commands write in the workspace and the temporary folders only, and use the network: without it
 * codex also forbids loopback sockets, so that an unattended agent could neither run tests that open a server nor install
 * a dependency. `.git` stays read-only, also that of a worktree, which lies elsewhere.
 */
export function sandboxPolicy(access: Access): SandboxPolicy {
  switch (access) {
    case 'read-only':
      return { type: 'readOnly', networkAccess: false }
    case 'workspace-write':
      return {
        type: 'workspaceWrite',
        writableRoots: [],
        networkAccess: true,
        excludeTmpdirEnvVar: false,
        excludeSlashTmp: false,
      }
    case 'full':
      return { type: 'dangerFullAccess' }
  }
}

/**
 * When codex asks. Nobody there: never. Else for every command that it does not know to be harmless (what is allowed still runs
 * in its sandbox), and to be let out of it. Read-only stays read-only whoever is there.
 */
export function approvalPolicy({ access, approve }: Pick<TurnRequest, 'access' | 'approve'>): AskForApproval {
  if (approve === null || access === 'read-only') return 'never'
  return 'untrusted'
}
