/** Claude Code's permission requests (`can_use_tool`) and the answers to them. */
import type { ApprovalAnswer, ApprovalRequest } from '../port.ts'
import { asFrame, asList, asText, type Frame } from '../stdio/index.ts'

const KINDS: Readonly<Record<string, ApprovalRequest['kind']>> = {
  Bash: 'command',
  Write: 'file_change',
  Edit: 'file_change',
  MultiEdit: 'file_change',
  NotebookEdit: 'file_change',
  WebFetch: 'network',
  WebSearch: 'network',
}

/** Translates a `can_use_tool` request; `id` is the id of the control request. */
export function approvalOf(id: string, asked: Frame, cwd: string): ApprovalRequest {
  const name = asText(asked.tool_name) ?? 'unknown'
  const input = asFrame(asked.input)
  const kind = KINDS[name] ?? 'tool'
  const command = kind === 'command' ? asText(input.command) : null
  const paths = [input.file_path, input.notebook_path, asked.blocked_path].map(asText).filter((path) => path !== null)
  const main = command ?? paths[0] ?? asText(input.url) ?? asText(input.query)
  return {
    id,
    kind,
    title: asText(asked.title) ?? (main === null ? name : `${name}: ${main}`),
    command,
    cwd,
    paths: [...new Set(paths)],
    tool: { name, input: asked.input },
    reason: asText(asked.decision_reason) ?? asText(asked.description) ?? asText(input.description),
  }
}

/** The payload of the control response. A permission for the session is never stored. */
export function responseTo(asked: Frame, { decision, reason }: ApprovalAnswer): Frame {
  if (decision === 'deny') return { behavior: 'deny', message: reason === '' ? 'This was not allowed.' : reason }
  const allowed = { behavior: 'allow', updatedInput: asked.input }
  if (decision === 'allow') return allowed
  const updatedPermissions = asList(asked.permission_suggestions).map((rule) => ({
    ...asFrame(rule),
    destination: 'session',
  }))
  return { ...allowed, updatedPermissions }
}
