import type { Access, ApprovalAnswer, ApprovalRequest } from '../port.ts'
import type {
  CommandExecutionRequestApprovalParams,
  CommandExecutionRequestApprovalResponse,
  DynamicToolCallResponse,
  FileChangeRequestApprovalParams,
  FileChangeRequestApprovalResponse,
  GrantedPermissionProfile,
  McpServerElicitationRequestResponse,
  PermissionsRequestApprovalParams,
  PermissionsRequestApprovalResponse,
  ToolRequestUserInputParams,
  ToolRequestUserInputResponse,
} from './protocol.gen.ts'

/**
 * Answers the server's requests in a turn without an approver; null: the method is unknown. Such turns run with the approval
 * policy `never`, so that most of these requests only come where an administrator's rules forbid that policy.
 *
 * With `workspace-write` a command is accepted if it stays in the sandbox. One that wants to leave it carries a reason or a
 * network context, and is declined.
 */
export function answerRequest(method: string, params: unknown, access: Access): unknown {
  switch (method) {
    case 'item/commandExecution/requestApproval':
      return { decision: commandDecision(params as CommandExecutionRequestApprovalParams, access) }
    case 'item/fileChange/requestApproval':
      return { decision: fileDecision(params as WiderAccess, access) }
    case 'item/permissions/requestApproval': {
      const { permissions } = params as PermissionsRequestApprovalParams
      return { permissions: access === 'full' ? permissions : {}, scope: 'turn' }
    }
    case 'item/tool/requestUserInput':
      return withoutAnswers(params as ToolRequestUserInputParams)
    case 'mcpServer/elicitation/request':
      return { action: 'decline', content: null, _meta: null } satisfies McpServerElicitationRequestResponse
    case 'item/tool/call':
      return {
        success: false,
        contentItems: [{ type: 'inputText', text: 'This client offers no tools.' }],
      } satisfies DynamicToolCallResponse
    default:
      return null
  }
}

/**
 * Translates a request for approval; null: the method does not ask for one. `paths` returns the files that an item would
 * change.
 */
export function approvalOf(
  id: string,
  method: string,
  params: unknown,
  paths: (itemId: string) => readonly string[],
): ApprovalRequest | null {
  const none = { id, command: null, cwd: null, paths: [], tool: null, reason: null }
  switch (method) {
    case 'item/commandExecution/requestApproval': {
      const { command, cwd, reason, networkApprovalContext: network } = params as CommandExecutionRequestApprovalParams
      const beyond = reason || network ? BEYOND : {}
      const host = (network as { readonly host?: string } | null | undefined)?.host
      if (host !== undefined) {
        const title = `network access to ${host}`
        return {
          ...none,
          kind: 'network',
          title,
          command: command ?? null,
          cwd: cwd ?? null,
          reason: reason ?? null,
          ...beyond,
        }
      }
      const line = command ?? ''
      const unknown = { ...none, kind: 'other', title: 'a command that codex does not name' } as const
      if (line === '') return { ...unknown, cwd: cwd ?? null, reason: reason ?? null, ...beyond }
      return {
        ...none,
        kind: 'command',
        title: line,
        command: line,
        cwd: cwd ?? null,
        reason: reason ?? null,
        ...beyond,
      }
    }
    case 'item/fileChange/requestApproval': {
      const { itemId, reason, grantRoot } = params as FileChangeRequestApprovalParams
      const changed = [...paths(itemId), ...(grantRoot ? [grantRoot] : [])]
      const title = changed.length === 0 ? 'a change of files' : `change ${changed.join(', ')}`
      return {
        ...none,
        kind: 'file_change',
        title,
        paths: changed,
        reason: reason ?? null,
        ...(reason || grantRoot ? BEYOND : {}),
      }
    }
    case 'item/permissions/requestApproval': {
      const { permissions, cwd, reason } = params as PermissionsRequestApprovalParams
      const tool = { name: 'request_permissions', input: permissions }
      return { ...none, kind: 'other', title: 'wider permissions', cwd, tool, reason, ...BEYOND }
    }
    default:
      return null
  }
}

/** A request that leads out of codex's sandbox carries a reason, a host or a folder. */
const BEYOND = { beyond: true } as const

/** The response for a decided `approvalOf` request. The protocol has no field for the reason. */
export function responseTo(method: string, params: unknown, { decision }: ApprovalAnswer): unknown {
  if (method === 'item/permissions/requestApproval') {
    const { permissions } = params as { readonly permissions: GrantedPermissionProfile }
    const scope = decision === 'allow_session' ? 'session' : 'turn'
    return { permissions: decision === 'deny' ? {} : permissions, scope } satisfies PermissionsRequestApprovalResponse
  }
  return { decision: DECISIONS[decision] } satisfies FileChangeRequestApprovalResponse
}

const DECISIONS = { allow: 'accept', allow_session: 'acceptForSession', deny: 'decline' } as const

function commandDecision(
  { reason, networkApprovalContext }: CommandExecutionRequestApprovalParams,
  access: Access,
): CommandExecutionRequestApprovalResponse['decision'] {
  if (access === 'full') return 'accept'
  const wantsOut = Boolean(reason) || Boolean(networkApprovalContext)
  return access === 'workspace-write' && !wantsOut ? 'accept' : 'decline'
}

/** Fields that a file change carries if it wants to write outside the workspace. */
interface WiderAccess {
  readonly reason?: string | null
  readonly grantRoot?: string | null
}

function fileDecision(
  { reason, grantRoot }: WiderAccess,
  access: Access,
): FileChangeRequestApprovalResponse['decision'] {
  if (access === 'full') return 'accept'
  return access === 'workspace-write' && !reason && !grantRoot ? 'accept' : 'decline'
}

function withoutAnswers({ questions }: ToolRequestUserInputParams): ToolRequestUserInputResponse {
  const answers = ['Nobody can be asked now. Decide yourself and name the assumption in your answer.']
  return { answers: Object.fromEntries(questions.map(({ id }) => [id, { answers }])) }
}
