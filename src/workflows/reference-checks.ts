/** Checks that every `${...}` refers to something that can exist there. */
import type { KeyPath } from '../config/keys.ts'
import { isMapping } from '../config/values.ts'
import { allStates, type Definition, type Flow, type State } from './definition.ts'
import { ExpressionError, parseCondition, pathsIn, pathsOf, type Path } from './expressions/index.ts'
import { didYouMean, type Issues } from './issues.ts'
import type { Resolved } from './resolve.ts'

/** What can be referred to at a place. */
interface Visible {
  readonly steps: ReadonlyMap<string, State>
  /** Names besides `input`, `steps`, `results` and `run`. */
  readonly names: ReadonlySet<string>
}

interface Checker {
  readonly definition: Definition
  readonly issues: Issues
  readonly at: (state: State) => KeyPath
  readonly results: ReadonlySet<string>
  readonly usedInputs: Set<string>
}

export function checkReferences({ definition, places }: Resolved, issues: Issues): void {
  const states = allStates(definition.flow)
  const checker: Checker = {
    definition,
    issues,
    at: (state) => places.get(state) ?? [],
    results: new Set(states.flatMap((state) => (state.result === null ? [] : [state.result]))),
    usedInputs: new Set(),
  }
  const top: Visible = { steps: new Map(), names: new Set() }
  checkFlow(checker, definition.flow, top)
  if (definition.output !== null) {
    checkValue(checker, definition.output.value, ['output'], within(top, definition.flow))
  }
  for (const name of inputsOf(definition) ?? []) {
    if (!checker.usedInputs.has(name)) {
      issues.warn('UNUSED_INPUT', ['input', 'properties', name], `no state uses input "${name}"`, {
        hint: `use it as \${input.${name}}, or take it out`,
      })
    }
  }
}

function within(outer: Visible, flow: Flow, ...names: readonly string[]): Visible {
  return {
    steps: new Map([...outer.steps, ...flow.states.map((state) => [state.id, state] as const)]),
    names: new Set([...outer.names, ...names]),
  }
}

function withNames(outer: Visible, ...names: readonly string[]): Visible {
  return { steps: outer.steps, names: new Set([...outer.names, ...names]) }
}

function checkFlow(checker: Checker, flow: Flow, outer: Visible, ...names: readonly string[]): void {
  const visible = within(outer, flow, ...names)
  for (const state of flow.states) {
    checkState(checker, state, visible)
    const { output } = state
    if (output !== null) {
      checkValue(checker, output.value, [...checker.at(state), 'output'], withNames(visible, 'output'))
    }
  }
}

function checkState(checker: Checker, state: State, visible: Visible): void {
  const path = checker.at(state)
  switch (state.type) {
    case 'agent':
    case 'human_approval': {
      if (state.input !== null) checkValue(checker, state.input, [...path, 'input'], visible)
      const [key, text] = state.type === 'agent' ? ['prompt', state.prompt] : ['message', state.message]
      checkValue(checker, text, [...path, key], state.input === null ? visible : withNames(visible, 'in'), state)
      return
    }
    case 'switch':
      for (const [i, { when }] of state.cases.entries()) {
        checkCondition(checker, when, [...path, 'cases', i, 'when'], visible)
      }
      return
    case 'foreach':
      checkValue(checker, state.items, [...path, 'items'], visible)
      checkFlow(checker, state.flow, without(visible, state), state.item, 'index')
      return
    case 'parallel':
      for (const { flow } of state.branches) checkFlow(checker, flow, without(visible, state))
      return
    case 'timer':
      checkValue(checker, Object.values(state.wait)[0], [...path, Object.keys(state.wait)[0] ?? ''], visible)
      return
    case 'try':
      checkFlow(checker, state.flow, without(visible, state))
      for (const { flow } of state.handlers) checkFlow(checker, flow, without(visible, state), 'error')
      if (state.finally !== null) checkFlow(checker, state.finally, without(visible, state))
      return
    case 'transform':
      checkValue(checker, state.value, [...path, 'value'], visible)
      return
    case 'inject': // taken as it is
  }
}

/** Inside a state, its own output does not exist yet. */
function without(visible: Visible, state: State): Visible {
  return { ...visible, steps: new Map([...visible.steps].filter(([id]) => id !== state.id)) }
}

function checkValue(checker: Checker, value: unknown, path: KeyPath, visible: Visible, owner?: State): void {
  if (Array.isArray(value)) {
    for (const [i, one] of value.entries()) checkValue(checker, one, [...path, i], visible, owner)
  } else if (isMapping(value)) {
    for (const [key, one] of Object.entries(value)) checkValue(checker, one, [...path, key], visible, owner)
  } else if (typeof value === 'string') {
    guarded(checker, value, path, () => {
      for (const reference of pathsIn(value)) checkPath(checker, reference, path, visible, owner)
    })
  }
}

function checkCondition(checker: Checker, text: string, path: KeyPath, visible: Visible): void {
  guarded(checker, text, path, () => {
    for (const { path: reference } of pathsOf(parseCondition(text))) checkPath(checker, reference, path, visible)
  })
}

function guarded({ issues }: Checker, text: string, path: KeyPath, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    issues.error('INVALID_EXPRESSION', path, error.message, {
      expected: 'references such as ${input.name} or ${steps.ID.output}, and conditions that compare them',
      actual: JSON.stringify(text.slice(0, 200)),
    })
  }
}

const ALWAYS = ['input', 'steps', 'results', 'run'] as const

function checkPath(checker: Checker, reference: Path, path: KeyPath, visible: Visible, owner?: State): void {
  const unknown = (message: string, expected: readonly string[], word: string | number | undefined): void =>
    checker.issues.error('UNKNOWN_REFERENCE', path, message, {
      expected: expected.length === 0 ? 'nothing (there is none)' : expected.join(', '),
      actual: `\${${reference.text}}`,
      hint: typeof word === 'string' ? didYouMean(word, expected) : null,
    })
  const [first, second, third] = reference.rest
  switch (reference.root) {
    case 'input': {
      const inputs = inputsOf(checker.definition)
      if (first === undefined) {
        for (const name of inputs ?? []) checker.usedInputs.add(name)
        return
      }
      if (inputs === null) return
      checker.usedInputs.add(String(first))
      if (!inputs.includes(String(first))) {
        unknown(`the input has no "${first}": declare it under input.properties`, inputs, first)
      }
      return
    }
    case 'steps': {
      const ids = [...visible.steps.keys()]
      const state = typeof first === 'string' ? visible.steps.get(first) : undefined
      if (state === undefined) return unknown('no state of that name can have run here', ids, first)
      if (second !== 'output') return unknown(`a step has nothing but its output`, [`steps.${first}.output`], second)
      if (state.type === 'agent' && state.output === null && third !== undefined) {
        const known = closedProperties(state.schema ?? TEXT_ANSWER)
        if (known !== null && !known.includes(String(third))) {
          unknown(`the output of ${first} has no "${third}"`, known, third)
        }
      }
      return
    }
    case 'results':
      if (first === undefined || checker.results.has(String(first))) return
      return unknown('no state has a result of that name', [...checker.results], first)
    case 'run':
      if (first === 'id' || first === 'workflow') return
      return unknown('a run has an id and the name of its workflow', ['run.id', 'run.workflow'], first)
    case 'in': {
      const names = owner !== undefined && 'input' in owner ? Object.keys(owner.input ?? {}) : []
      if (visible.names.has('in') && (first === undefined || names.includes(String(first)))) return
      return unknown('the state has no such input of its own', names, first)
    }
    default:
      if (visible.names.has(reference.root)) return
      unknown(`"${reference.root}" means nothing here`, [...ALWAYS, ...visible.names], reference.root)
  }
}

/** The answer of an agent without a schema. */
const TEXT_ANSWER = { properties: { text: {} }, additionalProperties: false }

/** The properties that a schema defines if it allows no others; else null. */
function closedProperties(schema: Readonly<Record<string, unknown>>): readonly string[] | null {
  const { properties, additionalProperties } = schema
  return isMapping(properties) && additionalProperties === false ? Object.keys(properties) : null
}

/** Names of the declared inputs; null: the schema allows any. */
function inputsOf({ input }: Definition): readonly string[] | null {
  if (input === null) return []
  const { properties, additionalProperties } = input
  const open = additionalProperties === true || isMapping(additionalProperties)
  if (open || '$ref' in input || 'allOf' in input || 'anyOf' in input || 'oneOf' in input) return null
  return isMapping(properties) ? Object.keys(properties) : []
}
