import { stringify } from 'yaml'
import { DEFAULT_PROVIDER, PROVIDERS, type ConfigInput, type ProviderName } from '../config/index.ts'
import type { Detected, ProjectCommand } from './detect.ts'

export interface Roles {
  readonly implementer: ProviderName
  readonly reviewer: ProviderName
}

export interface Proposal {
  /** belay.yaml, with a comment beside or above every line. */
  readonly text: string
  /** The same as a value. */
  readonly config: ConfigInput
}

/** Two different agents if two are found, because another model sees what the first one overlooked. */
export function rolesFor(agents: readonly ProviderName[]): Roles {
  const implementer = agents[0] ?? DEFAULT_PROVIDER
  return { implementer, reviewer: agents[1] ?? implementer }
}

/** The configuration for what was found. The text always loads without problems. */
export function proposeConfig(detected: Detected, roles: Roles = rolesFor(detected.agents)): Proposal {
  const gates = detected.gates.map(commandOf)
  const setup = detected.setup.map(commandOf)
  const { setupInputs, copy, source } = detected
  const config: ConfigInput = {
    ...(source === 'openspec' ? { task: { source } } : {}),
    verify: { commands: gates },
    workspace: {
      setup,
      ...(setupInputs.length > 0 ? { setup_inputs: [...setupInputs] } : {}),
      copy: [...copy],
    },
    workflow: {
      roles: { implementer: { provider: roles.implementer }, reviewer: { provider: roles.reviewer } },
    },
  }
  return { text: textOf(detected, roles), config }
}

type Command = string | { run: string; cwd: string }

function commandOf({ run, cwd }: ProjectCommand): Command {
  return cwd === null ? run : { run, cwd }
}

function textOf(detected: Detected, roles: Roles): string {
  const lines = ['# How Belay works on this project. What is not here has a default; `belay doctor` checks this file.']
  for (const note of detected.notes) lines.push(`# Note: ${oneLine(note)}`)
  if (detected.source === 'openspec') {
    lines.push('', '# Where tasks come from.', 'task:', '  source: openspec # openspec/changes/ is there')
  }
  lines.push(
    '',
    '# What proves that a task is done: Belay runs these itself, on the exact tree that it commits.',
    'verify:',
  )
  if (detected.gates.length === 0) {
    lines.push(
      '  # No test command was found. Without one nothing proves a task: add what you would run by hand, e.g. [make test].',
    )
  } else lines.push('  # All of them must pass; each may take 10 minutes ({run: ..., timeout: 30m} for more).')
  lines.push(...list('commands', detected.gates.map(asItem)))
  lines.push('', '# Makes a fresh checkout usable before any agent or check runs in it.', 'workspace:')
  lines.push('  # Run in this order.', ...list('setup', detected.setup.map(asItem)))
  if (detected.setupInputs.length > 0) {
    lines.push('  # Setup is done again when one of these changed.')
    lines.push(
      ...list(
        'setup_inputs',
        detected.setupInputs.map((path) => ({ value: path, why: '' })),
      ),
    )
  }
  lines.push('  # Git-ignored files of this checkout that are copied there. Agents can read them.')
  lines.push(
    ...list(
      'copy',
      detected.copy.map((path) => ({ value: path, why: 'ignored by git' })),
    ),
  )
  lines.push('', '# Who does what.', 'workflow:', '  # One agent writes, the other reviews what it wrote.', '  roles:')
  lines.push('    # Writes the change, in a workspace of its own.', '    implementer:')
  lines.push(`      provider: ${roles.implementer} # ${providerNote(roles.implementer, detected)}`)
  lines.push('    # Reads the change and the evidence, and passes it or sends it back.', '    reviewer:')
  const same = roles.reviewer === roles.implementer && detected.agents.length === 1
  lines.push(
    `      provider: ${roles.reviewer} # ${same ? 'the only agent found; a different one sees more' : providerNote(roles.reviewer, detected)}`,
  )
  return `${lines.join('\n')}\n`
}

function providerNote(provider: ProviderName, detected: Detected): string {
  if (detected.agents.includes(provider)) return 'found on PATH'
  return `not found on PATH: install it, or name another of ${Object.keys(PROVIDERS).join(', ')}`
}

interface Item {
  readonly value: Command
  readonly why: string
}

function asItem(command: ProjectCommand): Item {
  return { value: commandOf(command), why: command.why }
}

function list(key: string, items: readonly Item[]): string[] {
  if (items.length === 0) return [`  ${key}: [] # nothing found`]
  return [
    `  ${key}:`,
    ...items.map(({ value, why }) => `    - ${scalar(value)}${why === '' ? '' : ` # ${oneLine(why)}`}`),
  ]
}

/** A value on one line, quoted where YAML needs it. */
function scalar(value: Command): string {
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0, blockQuote: false }).trim()
  return text.includes('\n') ? JSON.stringify(value) : text
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}
