/** The `providers` key: the user's own model services, for Belay's engine. */
import { z } from 'zod'
import { MODEL_PROVIDER_NAMES } from '../engine/model/providers.ts'
import { OPEN_NAMES, SERVICE_APIS, type ModelServices } from '../engine/model/services.ts'
import { flag, mapping, oneOf, whole } from './leaves.ts'

const NAME = `a name of its own (small letters, digits and dashes; of the known ones only ${OPEN_NAMES.join(' and ')})`
const URL = 'an address that begins with http:// or https://, without a login in it'
const KEY_ENV =
  'the name of an environment variable (capital letters, digits and _): a key is never written into a file'
const PRICE = 'US dollars per million tokens'

const dollars = () => z.number({ error: PRICE }).min(0, { error: PRICE }).max(100_000, { error: PRICE })

const facts = mapping({
  context_window: whole(1024, 100_000_000).optional().describe('Tokens that it can hold.'),
  max_output: whole(64, 10_000_000).optional().describe('Tokens of one answer.'),
  reasoning: flag().default(false).describe('It thinks, and takes `effort`.'),
  price: mapping({
    input: dollars(),
    output: dollars(),
    cache_read: dollars().optional().describe('Without it as `input`.'),
    cache_write: dollars().optional().describe('Without it as `input`.'),
  })
    .optional()
    .describe('US dollars per million tokens; without it costs are not known.'),
})

const service = mapping({
  api: oneOf(...SERVICE_APIS)
    .default('openai-chat')
    .describe('The wire format that it speaks.'),
  base_url: z
    .string({ error: URL })
    .regex(/^https?:\/\/[^\s@/?#]+(\/[^\s@?#]*)?$/, { error: URL })
    .describe('Where it is.'),
  key_env: z
    .string({ error: KEY_ENV })
    .regex(/^[A-Z][A-Z0-9_]*$/, { error: KEY_ENV })
    .optional()
    .describe('The variable that holds its key; without it none is sent.'),
  models: z.record(z.string(), facts, { error: 'a mapping of model names' }).default({}),
})

/** The key itself. */
export const providersKey = z
  .record(
    z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,39}$/, { error: NAME })
      .refine((name) => !MODEL_PROVIDER_NAMES.includes(name) || OPEN_NAMES.includes(name), { error: NAME }),
    service,
    { error: 'a mapping of names to model services' },
  )
  .default({})
  .describe(
    `Model services for the engine, as \`--model NAME/MODEL\`: \`api\` (${SERVICE_APIS.join(', ')}), \`base_url\`, \`key_env\` (the name of the variable that holds the key, never the key), \`models\` (by name: \`context_window\`, \`max_output\`, \`reasoning\`, \`price\`). See docs/engine.md.`,
  )
  .meta({
    title: 'mapping',
    examples: [
      {
        gateway: {
          base_url: 'https://models.example.com/v1',
          key_env: 'BELAY_GATEWAY_KEY',
          models: { large: { context_window: 200000, price: { input: 0.5, output: 2 } } },
        },
      },
    ],
  })

export function resolveServices(parsed: z.output<typeof providersKey>): ModelServices {
  return Object.fromEntries(
    Object.entries(parsed).map(([name, { api, base_url: url, key_env: keyEnv = null, models }]) => [
      name,
      {
        api,
        baseUrl: url.replace(/\/+$/, ''),
        keyEnv,
        models: Object.fromEntries(
          Object.entries(models).map(([model, { context_window, max_output, reasoning, price }]) => [
            model,
            {
              contextWindow: context_window ?? null,
              maxOutput: max_output ?? null,
              reasoning,
              price: price === undefined ? null : pricesOf(price),
            },
          ]),
        ),
      },
    ]),
  )
}

function pricesOf(price: NonNullable<z.output<typeof facts>['price']>) {
  const { input, output, cache_read: cacheRead = input, cache_write: cacheWrite = input } = price
  return { input, output, cacheRead, cacheWrite }
}
