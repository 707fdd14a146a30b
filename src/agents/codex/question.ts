/** What a turn is asked, and the answer read back. */
import { answerIn, promptWithSchema } from '../answers/structured.ts'
import type { JsonSchema, TurnRequest } from '../port.ts'
import { approvalPolicy, sandboxPolicy } from './access.ts'
import type { TurnStartParams } from './protocol.gen.ts'
import { withoutNulls } from './schema.ts'

/** `strict`: the answer's schema in the form that codex enforces. One that has no such form is told in words. */
export function turnParams(request: TurnRequest, threadId: string, strict: JsonSchema | null): TurnStartParams {
  const { cwd, access, model, effort } = request
  return {
    threadId,
    input: [
      {
        type: 'text',
        text: strict === null ? promptWithSchema(request.prompt, request.outputSchema) : request.prompt,
        text_elements: [],
      },
    ],
    cwd,
    approvalPolicy: approvalPolicy(request),
    sandboxPolicy: sandboxPolicy(access),
    ...(model === null ? {} : { model }),
    ...(effort === null ? {} : { effort }),
    ...(strict === null ? {} : { outputSchema: strict as NonNullable<TurnStartParams['outputSchema']> }),
  }
}

/** The answer as a value; null when free text was wanted or it is not JSON. `strict`: it was asked for in the strict form. */
export function outputOf(answer: string, schema: JsonSchema | null, strict: boolean): unknown {
  if (schema === null) return null
  const value = answerIn(answer)
  return strict ? withoutNulls(schema, value) : value
}
