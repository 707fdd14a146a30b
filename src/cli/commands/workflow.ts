import { Command } from 'commander'
import { drawWorkflow, drawWorkflowMermaid, workflowInvalid } from '../../workflows/index.ts'
import type { Io } from '../io.ts'
import { allWorkflows, openWorkflow } from '../workflow/open.ts'
import { issuesText, validation } from '../workflow/text.ts'

const EXAMPLES = `
Examples:
  belay workflow validate .belay/workflows/release.yaml
  belay workflow show release --mermaid > release.mmd
  belay workflow list

A workflow is a YAML file of states (agent, switch, foreach, parallel, human_approval, timer, try, inject, transform). NAME means
.belay/workflows/NAME.yaml of the repository; anything with a slash or an ending is a path. docs/workflows.md describes all keys.
`

/** `belay workflow run|validate|show|list`. */
export function workflowCommand(io: Io): Command {
  return new Command('workflow')
    .description('Steps of agents, people and time, written down in YAML and run durably.')
    .addCommand(validateCommand(io))
    .addCommand(showCommand(io))
    .addCommand(listCommand(io))
    .addHelpText('after', EXAMPLES)
}

function validateCommand(io: Io): Command {
  return new Command('validate')
    .description('Check a workflow: exit status 2 when it has an error. Runs nothing.')
    .argument('<name|path>', 'a workflow of this repository, or a file')
    .option('--json', 'as one JSON object')
    .action(async (wanted: string, flags: { json?: true }) => {
      const workflow = await openWorkflow(io, wanted)
      const valid = workflow.definition !== null
      if (flags.json) io.out(JSON.stringify(validation(workflow)))
      else for (const line of issuesText(workflow)) io.out(line)
      if (!valid) io.exitCode = 2
    })
}

function showCommand(io: Io): Command {
  return new Command('show')
    .description('What a workflow does: its states and where each leads.')
    .argument('<name|path>', 'a workflow of this repository, or a file')
    .option('--mermaid', 'as a Mermaid flow chart')
    .option('--json', 'as one JSON object')
    .action(async (wanted: string, flags: { mermaid?: true; json?: true }) => {
      const { definition, issues, called, file } = await openWorkflow(io, wanted)
      if (definition === null) throw workflowInvalid(called, issues)
      if (flags.json) io.out(JSON.stringify({ file, workflow: definition }))
      else io.out(flags.mermaid ? drawWorkflowMermaid(definition) : drawWorkflow(definition))
    })
}

function listCommand(io: Io): Command {
  return new Command('list')
    .description('The workflows of this repository (.belay/workflows).')
    .option('--json', 'as one JSON object')
    .action(async (flags: { json?: true }) => {
      const found = await allWorkflows(io)
      if (flags.json) io.out(JSON.stringify({ workflows: found }))
      else if (found.length === 0) io.out('There is no workflow in .belay/workflows.')
      else
        for (const one of found)
          io.out(`${one.name}${one.valid ? '' : ' (not valid)'}  ${one.description ?? ''}`.trimEnd())
    })
}
