/** Tells a service the schema of the final answer, if the service can constrain a model to one. */
import { isComplete, narrowSchema } from './narrow-schema.ts'
import type { WireApi } from './providers.ts'
import type { ResolvedModel } from './resolve.ts'

type JsonSchema = Readonly<Record<string, unknown>>
type Payload = Readonly<Record<string, unknown>>

export interface AnswerForm {
  /**
   * `every`: sent with each request, beside the tools. `again`: sent only when the model is asked to repeat its answer, and
   * without tools, because such a service would keep the model from calling them or reject both together.
   */
  readonly when: 'every' | 'again'
  /** Returns a request body with the schema in it. */
  into(payload: Payload): Payload
}

/** Services whose model still calls tools while its answer is constrained. Others of the same wire format may not. */
const BESIDE_TOOLS = new Set(['anthropic', 'openai', 'openai-chat', 'openai-codex'])

/** How requests to this model carry the answer's schema; null: its service cannot be told, and only the prompt states it. */
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

/** Strict mode allows no optional properties. For other schemas the service only asks the model to follow the schema. */
function openAiSchema(
  schema: JsonSchema,
): { readonly name: string; readonly schema: JsonSchema; readonly strict: boolean } | null {
  const narrow = narrowSchema(schema)
  if (narrow !== null && isComplete(narrow)) return { name: 'answer', schema: narrow, strict: true }
  return schema['type'] === 'object' ? { name: 'answer', schema, strict: false } : null
}

/** Adds keys to a field of the payload that may hold other settings. */
function withField(name: string, more: Payload): AnswerForm['into'] {
  return (payload) => ({ ...payload, [name]: { ...(payload[name] as Payload | undefined), ...more } })
}
