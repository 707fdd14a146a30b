/** Builds the request for a turn, and reads the answer. */
import { answerIn, promptWithSchema } from '../answers/structured.ts'
import type { JsonSchema, TurnRequest } from '../port.ts'
import { approvalPolicy, sandboxPolicy } from './access.ts'
import type { TurnStartParams } from './protocol.gen.ts'
import { withoutNulls } from './schema.ts'

/** `strict`: the answer's schema in the form that codex enforces; null: it has none, and the prompt states the schema. */
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

/** The answer as a value; null: free text was wanted, or it is not JSON. `strict`: the strict form of the schema was used. */
export function outputOf(answer: string, schema: JsonSchema | null, strict: boolean): unknown {
  if (schema === null) return null
  const value = answerIn(answer)
  return strict ? withoutNulls(schema, value) : value
}
