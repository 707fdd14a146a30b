/** Generates schema/workflow.schema.json from the one schema in src/workflows. */
import { workflowJsonSchema } from '../../src/workflows/index.ts'
import type { Generator } from '../generator.ts'

export const workflowSchemaFile: Generator = {
  file: 'schema/workflow.schema.json',
  generate: () => `${JSON.stringify(workflowJsonSchema(), null, 2)}\n`,
}
