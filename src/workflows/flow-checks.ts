/** Checks that every transition leads to a state, every state can be reached, and every list of states can end. */
import type { KeyPath } from '../config/keys.ts'
import { schemaProblem } from '../agents/answers/json-schema.ts'
import { parseDuration } from '../core/duration.ts'
import { FAILURE_CODES } from './codes.ts'
import { END, allStates, flowsOf, targetsOf, type Definition, type Flow, type State } from './definition.ts'
import { parseTemplate } from './expressions/index.ts'
import { didYouMean, type Issues } from './issues.ts'
import type { Resolved } from './resolve.ts'

const RESERVED: ReadonlySet<string> = new Set([END])
/** Names that expressions can begin with in any case. */
const TAKEN_NAMES: ReadonlySet<string> = new Set(['input', 'steps', 'results', 'run', 'error', 'index', 'in', 'output'])

export function checkFlows({ definition, places, unlimited }: Resolved, issues: Issues): void {
  const at = (state: State): KeyPath => places.get(state) ?? []
  const owner = checkIds(definition, at, issues)
  checkFlow(definition.flow, ['start'], at, owner, issues)
  checkSchemas(definition, issues)
  for (const state of allStates(definition.flow)) {
    for (const inner of flowsOf(state)) checkFlow(inner.flow, at(state), at, owner, issues)
    checkState(state, at(state), issues)
    if (state.type === 'agent' && unlimited.has(state)) {
      issues.warn('MISSING_TIMEOUT', [...at(state), 'timeout'], `agent step ${state.id} has no time limit of its own`, {
        hint: `it is ended after ${state.role.timeoutMs / 60_000} minutes`,
      })
    }
  }
}

/** Checks that ids are unique in the whole file, so that a reference can mean only one state. */
function checkIds(definition: Definition, at: (state: State) => KeyPath, issues: Issues): ReadonlyMap<string, State> {
  const owner = new Map<string, State>()
  for (const state of allStates(definition.flow)) {
    const path = [...at(state), 'id']
    if (RESERVED.has(state.id)) {
      issues.error('RESERVED_NAME', path, `"${state.id}" cannot be the id of a state`, {
        expected: 'another name',
        actual: JSON.stringify(state.id),
      })
    }
    if (owner.has(state.id)) {
      issues.error('DUPLICATE_STATE', path, `two states are called "${state.id}"`, {
        expected: 'a unique id for each state, across branches too',
        actual: JSON.stringify(state.id),
      })
    } else owner.set(state.id, state)
    if (state.type === 'foreach' && TAKEN_NAMES.has(state.item)) {
      issues.error('RESERVED_NAME', [...at(state), 'item'], `"${state.item}" means something else in expressions`, {
        expected: `none of ${[...TAKEN_NAMES].join(', ')}`,
        actual: JSON.stringify(state.item),
      })
    }
  }
  return owner
}

function checkFlow(
  flow: Flow,
  startPath: KeyPath,
  at: (state: State) => KeyPath,
  owner: ReadonlyMap<string, State>,
  issues: Issues,
): void {
  const here = new Map(flow.states.map((state) => [state.id, state]))
  const ids = [...here.keys()]
  if (!here.has(flow.start)) {
    issues.error('INVALID_START', startPath, 'the first state is not there', {
      expected: `one of ${ids.join(', ')}`,
      actual: JSON.stringify(flow.start),
      hint: didYouMean(flow.start, ids),
    })
    return
  }
  let sound = true
  for (const state of flow.states) {
    for (const { target, path } of transitions(state)) {
      if (target === END || here.has(target)) continue
      sound = false
      const elsewhere = owner.has(target)
        ? 'that state stands in another list; a transition cannot leave its own'
        : null
      issues.error('UNKNOWN_TRANSITION_TARGET', [...at(state), ...path], `${state.id} leads to no state of its list`, {
        expected: `one of ${[...ids, END].join(', ')}`,
        actual: JSON.stringify(target),
        hint: elsewhere ?? didYouMean(target, [...ids, END]),
      })
    }
  }
  if (!sound) return // unreachable states would only be a consequence
  const reached = reach(here, flow.start)
  for (const state of flow.states) {
    if (!reached.has(state.id)) {
      issues.error('UNREACHABLE_STATE', at(state), `nothing leads to "${state.id}"`, {
        expected: 'a transition to it, or a place after a state without "next"',
        actual: JSON.stringify(state.id),
      })
    } else if (!reach(here, state.id).has(END)) {
      issues.error('NO_END', at(state), `from "${state.id}" the end can never be reached`, {
        expected: 'a way out of the cycle',
        actual: `${[...reach(here, state.id)].join(' -> ')} -> ...`,
      })
    }
  }
}

function reach(states: ReadonlyMap<string, State>, from: string): ReadonlySet<string> {
  const seen = new Set([from])
  for (const id of seen) {
    const state = states.get(id)
    if (state) for (const target of targetsOf(state)) seen.add(target)
  }
  return seen
}

/** Every transition of a state, with the key in the file that defines it. */
function transitions(state: State): { readonly target: string; readonly path: KeyPath }[] {
  if (state.type === 'switch') {
    return [
      ...state.cases.map((one, i) => ({ target: one.next, path: ['cases', i, 'next'] })),
      ...(state.fallback === null ? [] : [{ target: state.fallback, path: ['default'] }]),
    ]
  }
  const found: { target: string; path: KeyPath }[] = [{ target: state.next, path: ['next'] }]
  if (state.type === 'human_approval') {
    if (state.onReject !== null) found.push({ target: state.onReject, path: ['on_reject'] })
    if (state.onTimeout !== null) found.push({ target: state.onTimeout, path: ['on_timeout'] })
  }
  return found
}

function checkState(state: State, path: KeyPath, issues: Issues): void {
  if ('retry' in state) checkCodes(state.retry?.on ?? null, [...path, 'retry', 'on'], issues)
  switch (state.type) {
    case 'agent':
      if (state.schema !== null) checkSchema(state.schema, [...path, 'output_schema'], issues)
      return
    case 'switch':
      if (state.fallback === null) {
        issues.warn('MISSING_DEFAULT', [...path, 'default'], `${state.id} fails (no_case) when no case holds`, {
          hint: 'say with "default" what follows then',
        })
      }
      return
    case 'human_approval':
      if (state.timeoutMs === null) {
        issues.warn('MISSING_TIMEOUT', [...path, 'timeout'], `${state.id} waits for an answer for ever`, {
          hint: 'say with "timeout" how long',
        })
      }
      return
    case 'timer':
      checkTimer(state.wait, path, issues)
      return
    case 'foreach':
      checkItems(state.items, [...path, 'items'], issues)
      return
    case 'try':
      checkHandlers(state.handlers, path, issues)
      return
    case 'parallel':
    case 'inject':
    case 'transform':
  }
}

function checkHandlers(
  handlers: readonly { readonly on: readonly string[] | null }[],
  path: KeyPath,
  issues: Issues,
): void {
  const all = handlers.findIndex((handler) => handler.on === null)
  for (const [i, handler] of handlers.entries()) {
    checkCodes(handler.on, [...path, 'catch', i, 'on'], issues)
    if (all !== -1 && i > all) {
      issues.error('UNREACHABLE_HANDLER', [...path, 'catch', i], `handler ${all + 1} takes every failure already`, {
        expected: 'the handler without "on" as the last one',
        actual: `handler ${i + 1} after it`,
      })
    }
  }
}

function checkCodes(codes: readonly string[] | null, path: KeyPath, issues: Issues): void {
  for (const [i, code] of (codes ?? []).entries()) {
    if ((FAILURE_CODES as readonly string[]).includes(code)) continue
    issues.error('INVALID_VALUE', [...path, i], 'no failure has that code', {
      expected: FAILURE_CODES.join(', '),
      actual: JSON.stringify(code),
      hint: didYouMean(code, FAILURE_CODES),
    })
  }
}

function checkTimer(
  wait: { readonly duration: string } | { readonly until: string },
  path: KeyPath,
  issues: Issues,
): void {
  const [key, text, expected] =
    'until' in wait
      ? (['until', wait.until, 'a time such as 2026-12-24T18:00:00Z'] as const)
      : (['duration', wait.duration, 'a duration with a unit, at most 24d, such as "90s" or "10m"'] as const)
  if (text === '' || text.includes('${')) return
  const good = key === 'until' ? isTime(text) : parseDuration(text) !== null
  if (!good)
    issues.error('INVALID_VALUE', [...path, key], `the ${key} is none`, { expected, actual: JSON.stringify(text) })
}

/** Whether a text is a date with time and zone. Without a zone, the time would be ambiguous. */
export function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
}

function checkItems(items: unknown, path: KeyPath, issues: Issues): void {
  if (Array.isArray(items)) return
  const expected = 'a list, or one reference such as ${input.files}'
  if (typeof items !== 'string') {
    issues.error('INVALID_VALUE', path, 'the items are no list', { expected, actual: JSON.stringify(items) })
    return
  }
  try {
    const parts = parseTemplate(items)
    if (parts.length === 1 && typeof parts[0] !== 'string') return
  } catch {
    return // reported by the check of references
  }
  issues.error('INVALID_VALUE', path, 'text is no list', { expected, actual: JSON.stringify(items) })
}

function checkSchemas({ input, outputSchema }: Definition, issues: Issues): void {
  if (input !== null) {
    checkSchema(input, ['input'], issues)
    if (input['type'] !== undefined && input['type'] !== 'object') {
      issues.error('INVALID_SCHEMA', ['input', 'type'], 'the input is a mapping', {
        expected: '"object"',
        actual: JSON.stringify(input['type']),
      })
    }
  }
  if (outputSchema !== null) checkSchema(outputSchema, ['output_schema'], issues)
}

function checkSchema(schema: Readonly<Record<string, unknown>>, path: KeyPath, issues: Issues): void {
  const fault = schemaProblem(schema)
  if (fault !== null) {
    issues.error('INVALID_SCHEMA', path, 'this is no valid JSON Schema', {
      expected: 'a JSON Schema (draft-07, 2019-09 or 2020-12)',
      actual: fault,
    })
  }
}
