/**
 * Checks over the merged layers, for what no single key can express. They also run on invalid values, so that all problems are
 * reported at once.
 */
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

/** The problems of the failover agents in the mapping `value` at `path`. */
export function failoverProblems({ failover }: Mapping, path: KeyPath, locate: Locate, root = rootNode()): Problem[] {
  const standIns = Array.isArray(failover)
    ? failover.map((one: unknown) => (isMapping(one) ? one : { provider: one }))
    : []
  return standIns.flatMap((one, i) => agentProblems(one, [...path, 'failover', i], locate, root))
}

/** The problems of an agent's settings in the mapping `value` at `path`. */
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

/** Variables with this prefix hold no secrets of other programs. */
const OWN_PREFIX = 'BELAY_'

/**
 * What a project's file must not say about model services. Such a file may come from anybody, and would decide where the user's
 * keys are sent. `user` is the content of the user's own file.
 */
export function foreignServices(project: Mapping, user: Mapping, locate: Locate): Problem[] {
  const services = valueAt(project, ['providers'])
  if (!isMapping(services)) return []
  const own = valueAt(user, ['providers'])
  return Object.entries(services).flatMap(([name, one]) => {
    const path = ['providers', name]
    if (isMapping(own) && Object.hasOwn(own, name))
      return [badValue(path, "a name that your own file does not have: it is not a project's to change", one, locate)]
    const key = isMapping(one) ? one['key_env'] : undefined
    if (typeof key !== 'string' || key.startsWith(OWN_PREFIX)) return []
    const expected = `a variable that begins with ${OWN_PREFIX}, because a project may not say where other keys of yours are sent (in your own file, config.yaml in Belay's configuration folder, any may be named)`
    return [badValue([...path, 'key_env'], expected, key, locate)]
  })
}
