import { z } from 'zod'

const amount = z.number().nonnegative()

/** What a `command` agent may write, one JSON object per line (docs/agents.md). Unknown keys are ignored. */
export const commandFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message'), text: z.string() }),
  z.object({
    type: z.literal('usage'),
    input_tokens: amount.default(0),
    output_tokens: amount.default(0),
    cost_usd: amount.nullish(),
  }),
  z.object({
    type: z.literal('error'),
    code: z.enum(['rate_limit', 'quota', 'auth', 'failed']).catch('failed'),
    // An error frame counts as a failure even if its fields are invalid.
    message: z.string().catch('the agent gave no reason'),
    retry_at: z.string().nullable().catch(null),
  }),
  // An output of any type is accepted here: the caller checks it against the schema and asks again.
  z.object({ type: z.literal('result'), output: z.unknown().transform((output) => output ?? null) }),
])

export type CommandFrame = z.infer<typeof commandFrame>
