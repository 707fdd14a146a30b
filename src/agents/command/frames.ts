import { z } from 'zod'

const amount = z.number().nonnegative()

/** What a `command` agent may write, one JSON object per line (docs: interfaces, section 4). Unknown keys are ignored. */
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
    message: z.string().default('the agent gave no reason'),
    retry_at: z.string().nullish(),
  }),
  z.object({ type: z.literal('result'), output: z.record(z.string(), z.unknown()) }),
])

export type CommandFrame = z.infer<typeof commandFrame>
