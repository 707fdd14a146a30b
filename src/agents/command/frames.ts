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
    // A failure counts as one however badly it is told.
    message: z.string().catch('the agent gave no reason'),
    retry_at: z.string().nullable().catch(null),
  }),
  // What does not fit the schema, of whatever type, is for the asker to send back.
  z.object({ type: z.literal('result'), output: z.unknown().transform((output) => output ?? null) }),
])

export type CommandFrame = z.infer<typeof commandFrame>
