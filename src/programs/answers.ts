import { z } from 'zod'
import type { JsonSchema } from '../agents/port.ts'
import type { Expectation } from './shared/ask.ts'

/** What agents answer. Keys are camelCase, as agents see them. */

const sentences = z.array(z.string().trim().min(1))

export const implementAnswer = z.strictObject({
  taskHandle: z.string(),
  summary: z.string(),
  status: z.enum(['implemented', 'partial', 'blocked']),
  assumptions: sentences,
  notes: sentences,
  unresolvedItems: sentences,
  needsHumanAttention: z.boolean(),
})
export type ImplementAnswer = z.infer<typeof implementAnswer>

const severity = z.enum(['low', 'medium', 'high'])

export const reviewAnswer = z
  .strictObject({
    taskHandle: z.string(),
    summary: z.string(),
    verdict: z.enum(['pass', 'rework', 'replan', 'blocked']),
    overallRisk: severity,
    findings: z.array(
      z.strictObject({
        severity,
        issue: z.string().trim().min(1),
        fixHint: z.string(),
        file: z.string().nullable().optional(),
        repeats: z.string().nullable().optional().describe('id of the open finding that this one repeats'),
      }),
    ),
    acceptanceChecks: z
      .array(z.strictObject({ criterion: z.string(), note: z.string(), status: z.enum(['pass', 'fail', 'unclear']) }))
      .min(1),
  })
  .superRefine((answer, context) => {
    if (answer.verdict !== 'pass') return
    if (answer.findings.length > 0) {
      context.addIssue({ code: 'custom', path: ['findings'], message: 'verdict "pass" needs no finding' })
    }
    for (const [i, check] of answer.acceptanceChecks.entries()) {
      if (check.status === 'pass') continue
      context.addIssue({
        code: 'custom',
        path: ['acceptanceChecks', i, 'status'],
        message: `verdict "pass" needs every check to pass, this one is "${check.status}"`,
      })
    }
  })
export type ReviewAnswer = z.infer<typeof reviewAnswer>

/** Converts a zod schema to the JSON Schema that agents are given. */
export function answerSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-7' }) as Record<string, unknown>
  return json
}

/** The problems of an answer, one line each, for the agent that gave it. At most ten are listed. */
export function problemsOf(error: z.ZodError): string[] {
  const lines = error.issues.map((issue) => `${issue.path.join('.') || '(answer)'}: ${issue.message}`)
  return lines.length > 10 ? [...lines.slice(0, 10), `... and ${lines.length - 10} more`] : lines
}

/** Expects an answer that fits `schema` and for which `check` returns no further problem. */
export function fits<T>(schema: z.ZodType<T>, check: (answer: T) => readonly string[] = () => []): Expectation<T> {
  return {
    schema: answerSchema(schema),
    check(output) {
      const parsed = schema.safeParse(output)
      const problems = parsed.success ? check(parsed.data) : problemsOf(parsed.error)
      return parsed.success && problems.length === 0 ? { answer: parsed.data } : { problems }
    },
  }
}
