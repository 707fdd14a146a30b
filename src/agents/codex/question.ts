/** What a turn is asked, and the answer read back. */
import { fence } from '../../core/text.ts'
import type { JsonSchema, TurnRequest } from '../port.ts'
import { approvalPolicy, sandboxPolicy } from './access.ts'
import type { TurnStartParams } from './protocol.gen.ts'
import { withoutNulls } from './schema.ts'

/** `strict`: the answer's schema in the form that codex enforces. One that has no such form is told in words. */
export function turnParams(request: TurnRequest, threadId: string, strict: JsonSchema | null): TurnStartParams {
  const { cwd, access, model, effort } = request
  return {
    threadId,
    input: [{ type: 'text', text: strict === null ? promptWithSchema(request) : request.prompt, text_elements: [] }],
    cwd,
    approvalPolicy: approvalPolicy(request),
    sandboxPolicy: sandboxPolicy(access),
    ...(model === null ? {} : { model }),
    ...(effort === null ? {} : { effort }),
    ...(strict === null ? {} : { outputSchema: strict as NonNullable<TurnStartParams['outputSchema']> }),
  }
}

function promptWithSchema({ prompt, outputSchema }: TurnRequest): string {
  if (outputSchema === null) return prompt
  const rule = 'Answer with one JSON value only, without any other text, that keeps to this JSON Schema:'
  return `${prompt}\n\n${rule}\n${fence(JSON.stringify(outputSchema), 'json')}`
}

/** The answer as a value; null when free text was wanted or it is not JSON. `strict`: it was asked for in the strict form. */
export function outputOf(answer: string, schema: JsonSchema | null, strict: boolean): unknown {
  if (schema === null) return null
  const value = parse(answer)
  return strict ? withoutNulls(schema, value) : value
}

/** The JSON of a text, also between code fences; null when it is none. */
function parse(text: string): unknown {
  const bare = /^```\w*\n([\s\S]*)\n```$/.exec(text.trim())?.[1] ?? text
  try {
    return JSON.parse(bare) as unknown
  } catch {
    return null // not JSON: the caller asks again
  }
}
