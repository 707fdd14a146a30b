import type { Command } from 'commander'
import type { CommandEntry } from '../command-entry.ts'
import { keepHeapSmall } from '../small-heap.ts'
import type { Io } from '../io.ts'
import { wholeProgram } from '../program.ts'

/** Every command, in the order of `belay --help`. A command's module is loaded only when it is called. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'write belay.yaml for this repository',
    load: async (io) => (await import('./init.ts')).initCommand(io),
  },
  {
    name: 'doctor',
    summary: 'check that everything a run needs is there',
    load: async (io) => loadDoctor(io),
  },
  {
    name: 'demo',
    summary: 'see it work: a throwaway project and a scripted agent, no keys',
    load: async (io) => loadDemo(io),
  },
  {
    name: 'run',
    summary: 'do tasks: one proven, reviewed commit each',
    load: async (io) => (await import('./run.ts')).runCommand(io),
  },
  {
    name: 'resume',
    summary: 'continue a run that was interrupted or suspended, or that waits',
    load: async (io) => (await import('./resume.ts')).resumeCommand(io),
  },
  {
    name: 'status',
    summary: 'how the newest run (or RUN) stands',
    load: async (io) => (await import('./status.ts')).statusCommand(io),
  },
  {
    name: 'show',
    summary: 'why a task is done, or why not and what to do next',
    load: async (io) => (await import('./show.ts')).showCommand(io),
  },
  {
    name: 'events',
    summary: 'what happened, event by event',
    load: async (io) => (await import('./events.ts')).eventsCommand(io),
  },
  {
    name: 'logs',
    summary: "what a task's agents said and did",
    load: async (io) => (await import('./logs.ts')).logsCommand(io),
  },
  {
    name: 'diff',
    summary: 'what a task changed',
    load: async (io) => (await import('./diff.ts')).diffCommand(io),
  },
  {
    name: 'checkpoints',
    summary: 'the open questions to people',
    load: async (io) => (await import('./checkpoints.ts')).checkpointsCommand(io),
  },
  {
    name: 'answer',
    summary: 'answer a question',
    load: async (io) => (await import('./answer.ts')).answerCommand(io),
  },
  {
    name: 'retry',
    summary: 'start a task again',
    load: async (io) => (await import('./retry.ts')).retryCommand(io),
  },
  {
    name: 'unblock',
    summary: 'let a blocked task continue',
    load: async (io) => (await import('./unblock.ts')).unblockCommand(io),
  },
  {
    name: 'cancel',
    summary: 'give up a run or a task',
    load: async (io) => (await import('./cancel.ts')).cancelCommand(io),
  },
  {
    name: 'clean',
    summary: 'remove workspaces and branches of runs that have ended',
    load: async (io) => (await import('./clean.ts')).cleanCommand(io),
  },
  {
    name: 'batch',
    summary: 'ask the same question about many files: one checked answer each',
    load: async (io) => (await import('./batch.ts')).batchCommand(io),
  },
  {
    name: 'workflow',
    summary: 'workflows in YAML: steps of agents, questions to people, timers',
    load: async (io) => (await import('./workflow.ts')).workflowCommand(io),
  },
  {
    name: 'program',
    summary: 'what a program does with a task',
    load: async (io) => (await import('./program.ts')).programCommand(io),
  },
  {
    name: 'policy',
    summary: 'what agents may run in a shell, and why',
    load: async (io) => (await import('./policy.ts')).policyCommand(io),
  },
  {
    name: 'agents',
    summary: 'the agents, what they can do, and whether they work here',
    load: async (io) => loadAgents(io),
  },
  {
    name: 'exec',
    summary: 'one turn of an agent in the current directory',
    load: async (io) => {
      keepHeapSmall()
      return (await import('./exec.ts')).execCommand(io)
    },
  },
  {
    name: 'chat',
    summary: 'talk with an agent in the current directory',
    load: async (io) => (await import('./chat.ts')).chatCommand(io),
  },
  {
    name: 'session',
    summary: 'conversations with agents: list, resume, export, unlock',
    load: async (io) => (await import('./session.ts')).sessionCommand(io),
  },
  {
    name: 'completion',
    summary: 'completion for bash, zsh and fish',
    load: async (io) => loadCompletion(io),
  },
]

async function loadDoctor(io: Io): Promise<Command> {
  const [{ doctorCommand }, { AGENTS }] = await Promise.all([import('./doctor.ts'), import('../../agents/registry.ts')])
  return doctorCommand(io, AGENTS)
}

async function loadAgents(io: Io): Promise<Command> {
  const [{ agentsCommand }, { AGENTS }] = await Promise.all([import('./agents.ts'), import('../../agents/registry.ts')])
  return agentsCommand(io, AGENTS)
}

async function loadCompletion(io: Io): Promise<Command> {
  const { completionCommand } = await import('./completion.ts')
  return completionCommand(io, () => wholeProgram(io, COMMANDS))
}

/** The demo's run is `belay run` in its project. */
async function loadDemo(io: Io): Promise<Command> {
  const [{ demoCommand }, { runCommand }] = await Promise.all([import('./demo.ts'), import('./run.ts')])
  return demoCommand(io, async ({ cwd, argv }) => {
    const there: Io = { ...io, cwd }
    await runCommand(there).parseAsync([...argv], { from: 'user' })
    return there.exitCode
  })
}
