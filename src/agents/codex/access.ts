import type { Access, TurnRequest } from '../port.ts'
import type { AskForApproval, SandboxPolicy } from './protocol.gen.ts'

/**
 * The policy for codex's own sandbox (bubblewrap on Linux, Seatbelt on macOS) in a turn.
 *
 * With `workspace-write`, commands may write in the workspace and the temporary folders only, and use the network. Without
 * network, codex also forbids loopback sockets: an unattended agent could neither run tests that open a server nor install a
 * dependency. `.git` stays read-only, including that of a worktree, which is elsewhere.
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
 * When codex asks. Without an approver, or read-only: never. Otherwise for every command that it does not know to be harmless
 * (an allowed command still runs in codex's sandbox), and before it leaves its sandbox.
 */
export function approvalPolicy({ access, approve }: Pick<TurnRequest, 'access' | 'approve'>): AskForApproval {
  if (approve === null || access === 'read-only') return 'never'
  return 'untrusted'
}
