/** What no single key can say: checks over the merged layers. They run on unchecked values too, so that all problems show at once. */
import { rootNode, type KeyPath } from './keys.ts'
import { badValue, type Locate, type Problem } from './problems.ts'
import { providerNamed } from './providers.ts'
import { isMapping, providerOf, valueAt, type Mapping } from './values.ts'

const ROLES = ['implementer', 'reviewer'] as const

export function crossProblems(merged: Mapping, locate: Locate): Problem[] {
  return [
    ...ROLES.flatMap((role) => roleProblems(merged, role, locate)),
    ...repeatedNames(merged, ['verify', 'commands'], locate),
    ...repeatedNames(merged, ['workspace', 'setup'], locate),
  ]
}

function roleProblems(merged: Mapping, role: string, locate: Locate): Problem[] {
  const path = ['workflow', 'roles', role]
  const value = valueAt(merged, path) ?? {}
  if (!isMapping(value)) return []
  return [...agentProblems(value, path, locate), ...failoverProblems(value, path, locate)]
}

/** What is wrong with the agents that step in for the one in the mapping `value` at `path`. */
export function failoverProblems({ failover }: Mapping, path: KeyPath, locate: Locate, root = rootNode()): Problem[] {
  const standIns = Array.isArray(failover)
    ? failover.map((one: unknown) => (isMapping(one) ? one : { provider: one }))
    : []
  return standIns.flatMap((one, i) => agentProblems(one, [...path, 'failover', i], locate, root))
}

/** What is wrong with how an agent is set up in the mapping `value` at `path`. */
export function agentProblems(value: Mapping, path: KeyPath, locate: Locate, root = rootNode()): Problem[] {
  const name = providerOf(value)
  const provider = typeof name === 'string' ? providerNamed(name) : null
  if (provider === null || typeof name !== 'string') return []
  const problems: Problem[] = []
  const { effort, command } = value
  if (typeof effort === 'string' && !provider.efforts.includes(effort)) {
    const expected =
      provider.efforts.length === 0
        ? `no effort (provider ${name} has none)`
        : `one of ${provider.efforts.join(', ')} (provider ${name})`
    problems.push(badValue([...path, 'effort'], expected, effort, locate, root))
  }
  if (provider.needsCommand && command === undefined) {
    problems.push(badValue([...path, 'command'], `a command (provider ${name} needs one)`, command, locate, root))
  }
  if (provider.builtIn === true && command !== undefined && command !== null) {
    problems.push(
      badValue([...path, 'command'], `no command (provider ${name} is part of Belay)`, command, locate, root),
    )
  } else if (!provider.needsCommand && typeof command === 'string') {
    problems.push(
      badValue([...path, 'command'], `a list of arguments (provider ${name} adds its own)`, command, locate, root),
    )
  }
  return problems
}

function repeatedNames(merged: Mapping, path: readonly string[], locate: Locate): Problem[] {
  const commands = valueAt(merged, path)
  if (!Array.isArray(commands)) return []
  const seen = new Set<string>()
  return commands.flatMap((command: unknown, i) => {
    const name = isMapping(command) ? command['name'] : undefined
    if (typeof name !== 'string') return []
    if (seen.has(name)) return [badValue([...path, i, 'name'], 'a name that no other command has', name, locate)]
    seen.add(name)
    return []
  })
}
