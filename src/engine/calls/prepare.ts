import type { ToolCall } from '@earendil-works/pi-ai'
import { messageOf } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'
import type { Tool, ToolResult } from '../port.ts'

/** A call as it can be made, or why it cannot. */
export type Prepared =
  | { readonly call: ToolCall; readonly tool: Tool; readonly input: unknown; readonly title: string }
  | { readonly call: ToolCall; readonly refusal: string }

/** Finds the tool and reads the input by its schema. What is wrong is said so that the model can mend it. */
export function prepare(call: ToolCall, tools: readonly Tool[]): Prepared {
  const tool = tools.find(({ name }) => name === call.name)
  if (!tool) {
    const names = tools.map(({ name }) => name)
    const near = nearest(call.name, names)
    const hint = near === null ? '' : ` Did you mean ${near}?`
    return { call, refusal: `There is no tool "${call.name}".${hint} The tools are: ${names.join(', ')}.` }
  }
  const read = tool.input.safeParse(call.arguments)
  if (!read.success) {
    const issues = read.error.issues.map(({ path, message }) => `- ${path.join('.') || '(input)'}: ${message}`)
    return {
      call,
      refusal: `The input of ${call.name} does not fit its schema, so it was not run:\n${issues.join('\n')}`,
    }
  }
  return { call, tool, input: read.data, title: titleOf(tool, read.data) }
}

function titleOf(tool: Tool, input: unknown): string {
  try {
    return tool.title(input)
  } catch {
    return tool.name // a title is for people only
  }
}

/** A result that stands for a call that was not run. */
export function notRun(text: string): ToolResult {
  return { text, isError: true, exitCode: null, changed: [], fullOutput: null }
}

/** Runs a tool; what it throws (a bug in it) is a failed result, so that the conversation stays whole. */
export async function runTool(run: () => Promise<ToolResult>, name: string): Promise<ToolResult> {
  try {
    return await run()
  } catch (error) {
    return notRun(`${name} failed unexpectedly: ${messageOf(error)}`)
  }
}

/** The calls of an answer in the order they are made: neighbouring reads together, everything else alone. */
export function inBatches(calls: readonly Prepared[]): Prepared[][] {
  const batches: Prepared[][] = []
  let reads: Prepared[] | null = null
  for (const one of calls) {
    const reading = !('tool' in one) || one.tool.effect === 'read'
    if (!reading) {
      batches.push([one])
      reads = null
    } else if (reads) {
      reads.push(one)
    } else {
      batches.push((reads = [one]))
    }
  }
  return batches
}
