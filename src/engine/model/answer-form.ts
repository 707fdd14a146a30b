/** How a service is told the schema of the final answer, where it can hold a model to one. */
import { isComplete, narrowSchema } from './narrow-schema.ts'
import type { WireApi } from './providers.ts'
import type { ResolvedModel } from './resolve.ts'

type JsonSchema = Readonly<Record<string, unknown>>
type Payload = Readonly<Record<string, unknown>>

export interface AnswerForm {
  /**
   * `every`: with each request, tools are on offer beside it. `again`: only when the answer is asked for again, and without
   * tools: such a service would keep the model from calling any, or refuses to have both.
   */
  readonly when: 'every' | 'again'
  /** The body of a request with the schema in it. */
  into(payload: Payload): Payload
}

/** Services whose model calls tools as before while its answer is held to a schema. Others, also of the same wire, may not. */
const BESIDE_TOOLS = new Set(['anthropic', 'openai', 'openai-chat', 'openai-codex'])

/**
 * Where the schema of an answer goes in requests to this model; null: its service cannot be told, and only the prompt says it.
 */
export function answerForm(
  { api, model }: Pick<ResolvedModel, 'api' | 'model'>,
  schema: JsonSchema,
): AnswerForm | null {
  const into = FORMS[api](schema)
  if (into === null) return null
  const both =
    BESIDE_TOOLS.has(model.provider) || (model.provider === 'google' && /^gemini-([3-9]|\d\d)/.test(model.id))
  return { when: both ? 'every' : 'again', into }
}

const FORMS: Readonly<Record<WireApi, (schema: JsonSchema) => AnswerForm['into'] | null>> = {
  'anthropic-messages'(schema) {
    const narrow = narrowSchema(schema)
    if (narrow === null) return null
    return withField('output_config', { format: { type: 'json_schema', schema: narrow } })
  },
  'openai-responses': responses,
  'openai-codex-responses': responses,
  'openai-completions'(schema) {
    const named = openAiSchema(schema)
    return named && ((payload) => ({ ...payload, response_format: { type: 'json_schema', json_schema: named } }))
  },
  'google-generative-ai'(schema) {
    const narrow = narrowSchema(schema)
    return withField('config', {
      responseMimeType: 'application/json',
      ...(narrow === null ? {} : { responseJsonSchema: narrow }),
    })
  },
}

function responses(schema: JsonSchema): AnswerForm['into'] | null {
  const named = openAiSchema(schema)
  return named && withField('text', { format: { type: 'json_schema', ...named } })
}

/** Strict is only what has no optional property; else the schema is what the model is trained to follow, and no more. */
function openAiSchema(
  schema: JsonSchema,
): { readonly name: string; readonly schema: JsonSchema; readonly strict: boolean } | null {
  const narrow = narrowSchema(schema)
  if (narrow !== null && isComplete(narrow)) return { name: 'answer', schema: narrow, strict: true }
  return schema['type'] === 'object' ? { name: 'answer', schema, strict: false } : null
}

/** Adds to an object that other settings stand in as well. */
function withField(name: string, more: Payload): AnswerForm['into'] {
  return (payload) => ({ ...payload, [name]: { ...(payload[name] as Payload | undefined), ...more } })
}
