/** The first check of a file: whether its keys are known, and its values have the right types. */
import { z } from 'zod'
import type { KeyPath, SchemaNode } from '../config/keys.ts'
import { agentProblems, failoverProblems } from '../config/checks.ts'
import { problemsOf, type Locate } from '../config/problems.ts'
import { isMapping, type Mapping } from '../config/values.ts'
import { didYouMean, type Issues } from './issues.ts'
import { STATE_TYPES, fileShape, stateShapes, type StateType } from './schema.ts'

/** States are checked one by one, according to their type. */
const UNLOOKED = z.array(z.unknown(), { error: 'a list of states' })
const FILE = fileShape(UNLOOKED)
const STATES = stateShapes(UNLOOKED)

export type ParsedFile = z.output<typeof FILE>
export type ParsedState = z.output<(typeof STATES)[StateType]>

const nodes = new Map<z.ZodType, SchemaNode>()

function nodeOf(shape: z.ZodType): SchemaNode {
  const known = nodes.get(shape) ?? (z.toJSONSchema(shape, { io: 'input' }) as SchemaNode)
  nodes.set(shape, known)
  return known
}

/**
 * Checks the whole file, including inner states, and adds its problems to `issues`. Returns the parsed top level; null if that
 * is invalid.
 */
export function checkShape(value: Mapping, issues: Issues, locate: Locate): ParsedFile | null {
  const { states } = value
  const isMissing = states === undefined || states === null || (Array.isArray(states) && states.length === 0)
  const parsed = check(FILE, isMissing ? { ...value, states: [] } : value, [], issues, locate)
  if (isMissing) {
    issues.error('MISSING_STATES', ['states'], 'the workflow has no states', { expected: 'a list of states' })
  } else if (Array.isArray(states)) checkStates(states, ['states'], issues, locate)
  checkAgent(value['agent'], ['agent'], issues, locate)
  for (const [name, agent] of Object.entries(isMapping(value['agents']) ? value['agents'] : {})) {
    checkAgent(agent, ['agents', name], issues, locate)
  }
  return parsed as ParsedFile | null
}

/** Parses a state according to its type; for states that `checkShape` has accepted. */
export function parseState(value: unknown): ParsedState {
  const type = (value as { type: StateType }).type
  return STATES[type].parse(value)
}

function checkStates(list: readonly unknown[], path: KeyPath, issues: Issues, locate: Locate): void {
  for (const [i, value] of list.entries()) checkState(value, [...path, i], issues, locate)
}

function checkState(value: unknown, path: KeyPath, issues: Issues, locate: Locate): void {
  if (!isMapping(value)) {
    const expected = 'a mapping with "id" and "type"'
    issues.error('INVALID_VALUE', path, 'a state is a mapping', {
      expected,
      actual: JSON.stringify(value) ?? 'nothing',
    })
    return
  }
  const { type } = value
  if (type === undefined || type === null) {
    issues.error('MISSING_TYPE', [...path, 'type'], 'the state has no type', { expected: STATE_TYPES.join(', ') })
    return
  }
  if (typeof type !== 'string' || !isStateType(type)) {
    issues.error('UNKNOWN_TYPE', [...path, 'type'], 'there is no such type of state', {
      expected: STATE_TYPES.join(', '),
      actual: JSON.stringify(type),
      hint: typeof type === 'string' ? didYouMean(type, STATE_TYPES) : null,
    })
    return
  }
  check(STATES[type], value, path, issues, locate)
  if (type === 'agent') checkAgent(value['agent'], [...path, 'agent'], issues, locate)
  for (const at of nestedLists(type, value)) {
    const list = at.reduce<unknown>((here, key) => (here as Record<string | number, unknown>)[key], value)
    if (!Array.isArray(list)) continue // reported by the check of types
    const where = [...path, ...at]
    if (list.length === 0) {
      issues.error('MISSING_STATES', where, 'the list of states is empty', { expected: 'at least one state' })
    }
    checkStates(list, where, issues, locate)
  }
}

function isStateType(type: string): type is StateType {
  return (STATE_TYPES as readonly string[]).includes(type)
}

/** Paths of the existing lists of states inside a state. */
function nestedLists(type: StateType, value: Mapping): KeyPath[] {
  const found: KeyPath[] = []
  if ((type === 'foreach' || type === 'try') && 'states' in value) found.push(['states'])
  const { branches, catch: handlers, finally: last } = value
  if (type === 'parallel' && isMapping(branches)) {
    for (const [name, branch] of Object.entries(branches)) {
      if (isMapping(branch) && 'states' in branch) found.push(['branches', name, 'states'])
    }
  }
  if (type === 'try') {
    for (const [i, handler] of (Array.isArray(handlers) ? handlers : []).entries()) {
      if (isMapping(handler) && 'states' in handler) found.push(['catch', i, 'states'])
    }
    if (isMapping(last) && 'states' in last) found.push(['finally', 'states'])
  }
  return found
}

function check(shape: z.ZodType, value: Mapping, path: KeyPath, issues: Issues, locate: Locate): unknown {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const inside: Locate = (at) => locate([...path, ...at])
  for (const problem of problemsOf(result.error.issues, value, inside, nodeOf(shape))) {
    issues.problem({ ...problem, path: [...path, ...problem.path] })
  }
  return null
}

function checkAgent(value: unknown, path: KeyPath, issues: Issues, locate: Locate): void {
  if (!isMapping(value)) return
  const problems = [...agentProblems(value, path, locate), ...failoverProblems(value, path, locate)]
  for (const problem of problems) issues.problem(problem)
}
