import { compileSchema } from '../../agents/answers/json-schema.ts'
import type { Reason } from '../../core/words.ts'
import { outerScope, type WorkflowServices } from '../../programs/workflow/index.ts'
import { ExpressionError, fill } from '../../workflows/expressions/index.ts'

/**
 * The output of a workflow that has reached its end: what its `output` says, else the output of its last state; or why there is
 * none.
 */
export async function outputOf(
  { definition, run, input, steps }: WorkflowServices,
  last: unknown,
): Promise<{ readonly output: unknown } | { readonly problem: Reason }> {
  let output = last
  if (definition.output !== null) {
    try {
      const scope = outerScope({ definition, run: run.id, input, tasks: await steps() })
      output = fill(definition.output.value, scope)
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      return { problem: { code: error.code, message: `the output of the workflow: ${error.message}` } }
    }
  }
  const problems = definition.outputSchema === null ? [] : compileSchema(definition.outputSchema)(output)
  if (problems.length === 0) return { output }
  const message = `the output of the workflow does not fit its schema: ${problems.join('; ')}`
  return { problem: { code: 'invalid_output', message } }
}
