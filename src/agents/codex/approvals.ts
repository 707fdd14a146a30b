import type { Access } from '../port.ts'
import type {
  CommandExecutionRequestApprovalParams,
  CommandExecutionRequestApprovalResponse,
  DynamicToolCallResponse,
  FileChangeRequestApprovalResponse,
  McpServerElicitationRequestResponse,
  PermissionsRequestApprovalParams,
  ToolRequestUserInputParams,
  ToolRequestUserInputResponse,
} from './protocol.gen.ts'

/**
 * The answer to what the server asks in a turn that nobody watches; null when the method is not known. Turns run with the
 * approval policy `never`, so that most of this is asked only where an administrator's rules forbid that policy.
 *
 * Within `workspace-write` a command is accepted when it stays in the sandbox: one that wants out says so with a reason or a
 * network context, and is declined, as the access level promises.
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

function commandDecision(
  { reason, networkApprovalContext }: CommandExecutionRequestApprovalParams,
  access: Access,
): CommandExecutionRequestApprovalResponse['decision'] {
  if (access === 'full') return 'accept'
  const wantsOut = Boolean(reason) || Boolean(networkApprovalContext)
  return access === 'workspace-write' && !wantsOut ? 'accept' : 'decline'
}

/** What a change of files carries when it wants to write outside the workspace. */
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
