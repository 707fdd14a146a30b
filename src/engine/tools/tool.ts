import { z, type ZodType } from 'zod'
import { head, printable } from '../../core/text.ts'
import type { Tool, ToolContext, ToolDemand, ToolResult } from '../port.ts'
import { failureOf } from './failure.ts'

/** What a tool is made from: as `Tool`, with `run` free to throw what `failureOf` knows as an expected failure. */
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

/** A tool whose expected failures (`BelayError`, errors of the file system) are results, also while its demand is asked. */
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

/** A result that went well. */
export function done(text: string, more: Partial<ToolResult> = {}): ToolResult {
  return { text, isError: false, exitCode: null, changed: [], fullOutput: null, ...more }
}

/** A result that tells the model what it did wrong. */
export function failed(text: string, more: Partial<ToolResult> = {}): ToolResult {
  return { ...done(text, more), isError: true }
}
