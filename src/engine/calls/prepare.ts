import type { ToolCall } from '@earendil-works/pi-ai'
import { messageOf } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'
import type { Tool, ToolResult } from '../port.ts'

/** A call that is ready to run, or the reason why it cannot. */
export type Prepared =
  | { readonly call: ToolCall; readonly tool: Tool; readonly input: unknown; readonly title: string }
  | { readonly call: ToolCall; readonly refusal: string }

/** Finds the tool and parses the input with its schema. A refusal tells the model what to correct. */
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

/** The result for a call that was not run. */
export function notRun(text: string): ToolResult {
  return { text, isError: true, exitCode: null, changed: [], fullOutput: null }
}

/** Runs a tool. An exception (a bug in the tool) becomes a failed result, so that every call keeps its result. */
export async function runTool(run: () => Promise<ToolResult>, name: string): Promise<ToolResult> {
  try {
    return await run()
  } catch (error) {
    return notRun(`${name} failed unexpectedly: ${messageOf(error)}`)
  }
}

/** Groups the calls of an answer in order: neighbouring reads together, every other call alone. */
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
