/** opencode's permission requests (`permission.asked`), and the permissions that decide when it asks. */
import type { ApprovalAnswer, ApprovalRequest, TurnRequest } from '../port.ts'
import { asFrame, asList, asText, type Frame } from '../stdio/index.ts'

const KINDS: Readonly<Record<string, ApprovalRequest['kind']>> = {
  bash: 'command',
  edit: 'file_change',
  webfetch: 'network',
  websearch: 'network',
}

export function approvalOf(asked: Frame, cwd: string): ApprovalRequest {
  const permission = asText(asked.permission) ?? 'tool'
  const kind = KINDS[permission] ?? 'tool'
  const metadata = asFrame(asked.metadata)
  const patterns = asList(asked.patterns)
    .map(asText)
    .filter((pattern) => pattern !== null)
  const command = kind === 'command' ? asText(metadata.command) : null
  const path = asText(metadata.filepath) ?? asText(metadata.filePath)
  return {
    id: asText(asked.id) ?? '',
    kind,
    title: `${permission}: ${command ?? path ?? patterns.join(', ')}`,
    command,
    cwd,
    paths: path !== null ? [path] : kind === 'file_change' || permission === 'external_directory' ? patterns : [],
    tool: { name: permission, input: asked.metadata ?? null },
    reason: asText(metadata.description),
  }
}

/** Decides when there is no approver: everything that is still asked about is covered by any access but `read-only`. */
export function withoutApprover({ access }: Pick<TurnRequest, 'access'>): ApprovalAnswer {
  return access === 'read-only'
    ? { decision: 'deny', reason: 'not covered by read-only, and nobody is there to ask' }
    : { decision: 'allow', reason: `covered by ${access}` }
}

/** Always allows once only: `always` would outlast this conversation. */
export function replyOf({ decision, reason }: ApprovalAnswer): Frame {
  return decision === 'deny' ? { reply: 'reject', message: reason || 'This was not allowed.' } : { reply: 'once' }
}

/** The permissions of one turn; they override the user's settings. */
export function permissionsOf({ access, approve }: Pick<TurnRequest, 'access' | 'approve'>): Frame {
  if (access === 'read-only') return all('deny')
  return all(approve === null ? 'allow' : 'ask')
}

function all(action: 'allow' | 'ask' | 'deny'): Frame {
  return { edit: action, bash: action, webfetch: action, external_directory: action }
}
