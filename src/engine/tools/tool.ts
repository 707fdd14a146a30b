import { z, type ZodType } from 'zod'
import { head, printable } from '../../core/text.ts'
import type { Tool, ToolContext, ToolDemand, ToolResult } from '../port.ts'
import { failureOf } from './failure.ts'

/** The parts of a tool: as `Tool`, but `demand` and `run` may throw the failures that `failureOf` expects. */
export interface ToolSpec<Schema extends ZodType> {
  readonly name: string
  readonly description: string
  readonly input: Schema
  readonly effect: 'read' | 'write'
  title(input: z.output<Schema>): string
  same?(input: z.output<Schema>): unknown
  demand(input: z.output<Schema>, context: ToolContext): Promise<ToolDemand> | ToolDemand
  run(input: z.output<Schema>, context: ToolContext): Promise<ToolResult>
}

export const ALLOW: ToolDemand = { decision: 'allow', reason: 'allowed' }

const TITLE_MAX = 200

/** Makes a tool. An expected failure (`BelayError`, file system errors) in `run` becomes a result, and in `demand` a denial. */
export function defineTool<Schema extends ZodType>(spec: ToolSpec<Schema>): Tool {
  const tool: Tool<z.output<Schema>> = {
    name: spec.name,
    description: spec.description,
    input: spec.input as ZodType<z.output<Schema>>,
    effect: spec.effect,
    ...(spec.same === undefined ? {} : { same: spec.same }),
    title: (input) => head(printable(spec.title(input)).replaceAll(/\s+/g, ' ').trim(), TITLE_MAX),
    async demand(input, context) {
      try {
        return await spec.demand(input, context)
      } catch (error) {
        return { decision: 'deny', reason: failureOf(error) }
      }
    },
    async run(input, context) {
      try {
        return await spec.run(input, context)
      } catch (error) {
        return failed(failureOf(error))
      }
    },
  }
  return tool
}

/** A successful result. */
export function done(text: string, more: Partial<ToolResult> = {}): ToolResult {
  return { text, isError: false, exitCode: null, changed: [], fullOutput: null, ...more }
}

/** A failed result that tells the model what went wrong. */
export function failed(text: string, more: Partial<ToolResult> = {}): ToolResult {
  return { ...done(text, more), isError: true }
}
