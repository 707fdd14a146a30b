/** Shows a workflow to people: as text, and as a Mermaid flow chart. */
import { isMapping } from '../config/values.ts'
import { formatDuration } from '../core/duration.ts'
import { END, flowsOf, type Definition, type Flow, type Limited, type RetryPolicy, type State } from './definition.ts'

/** Lines of text: what each state does and where it leads, with inner states indented. */
export function drawWorkflow(definition: Definition): string {
  const { name, version, description, workspace, input, flow } = definition
  const lines = [`workflow ${name}${version === null ? '' : ` (${version})`}`]
  if (description !== null) lines.push(...description.trim().split('\n'))
  lines.push(
    `workspace: ${workspace ?? 'the repository where there is one, else a folder'}; at most ${definition.concurrency} steps at a time${limits(definition)}`,
  )
  const inputs = inputLines(input)
  if (inputs.length > 0) lines.push('input:', ...inputs.map((line) => `  ${line}`))
  return [...lines, '', ...drawFlow(flow, '')].join('\n')
}

/** Each input with its type, whether it is required, and its default. */
function inputLines(input: Definition['input']): string[] {
  const { properties, required } = input ?? {}
  if (!isMapping(properties)) return []
  return Object.entries(properties).map(([name, property]) => {
    const { type, enum: words, description, default: value } = isMapping(property) ? property : {}
    const parts = [
      ...(Array.isArray(words) ? [`one of ${words.map((word) => JSON.stringify(word)).join(', ')}`] : []),
      ...(type !== undefined && !Array.isArray(words) ? [[type].flat().map(String).join(' or ')] : []),
      ...(value !== undefined ? [`default ${JSON.stringify(value)}`] : []),
      ...(value === undefined && Array.isArray(required) && required.includes(name) ? ['required'] : []),
    ]
    const said = typeof description === 'string' ? `: ${description.trim().replace(/\s+/g, ' ')}` : ''
    return `${name}${parts.length === 0 ? '' : ` (${parts.join('; ')})`}${said}`
  })
}

function drawFlow(flow: Flow, indent: string): string[] {
  return flow.states.flatMap((state) => [
    `${indent}${state.id}: ${describe(state)}`,
    ...leads(state).map((line) => `${indent}  ${line}`),
    ...flowsOf(state).flatMap((inner) => [
      `${indent}  ${inner.name === '*' ? `for each ${state.type === 'foreach' ? state.item : ''}` : inner.name}:`,
      ...drawFlow(inner.flow, `${indent}    `),
    ]),
  ])
}

function describe(state: State): string {
  switch (state.type) {
    case 'agent': {
      const { role, agentName, retry } = state
      const model = role.model === null ? '' : ` ${role.model}`
      return `agent ${agentName} (${role.provider}${model}, ${role.access}, ${formatDuration(role.timeoutMs)}${tries(retry)})`
    }
    case 'switch':
      return 'switch'
    case 'foreach':
      return `for each of ${typeof state.items === 'string' ? state.items : 'a list'}, ${state.maxConcurrency} at a time${limits(state)}`
    case 'parallel':
      return `${state.branches.length} branches beside each other${limits(state)}`
    case 'human_approval': {
      const who = state.approvers.length === 0 ? 'a person' : state.approvers.join(' or ')
      return `asks ${who}${state.timeoutMs === null ? '' : `, for ${formatDuration(state.timeoutMs)}`}`
    }
    case 'timer':
      return 'until' in state.wait ? `waits until ${state.wait.until}` : `waits ${state.wait.duration}`
    case 'try':
      return `try${limits(state)}`
    case 'inject':
      return 'data'
    case 'transform':
      return 'a value made of others'
  }
}

function tries(retry: RetryPolicy | undefined): string {
  return retry === undefined || retry.maxAttempts === 1 ? '' : `, up to ${retry.maxAttempts} tries`
}

function limits({ timeoutMs = null, retry }: Limited): string {
  return `${timeoutMs === null ? '' : `, at most ${formatDuration(timeoutMs)}`}${tries(retry)}`
}

function leads(state: State): string[] {
  return edges(state).map(({ label, target }) => `${label === '' ? '' : `${label} `}-> ${target}`)
}

function edges(state: State): { readonly label: string; readonly target: string }[] {
  if (state.type === 'switch') {
    return [
      ...state.cases.map((one) => ({ label: one.when, target: one.next })),
      { label: 'otherwise', target: state.fallback ?? 'failure (no_case)' },
    ]
  }
  if (state.type === 'human_approval') {
    return [
      { label: 'approve', target: state.next },
      { label: 'reject', target: state.onReject ?? 'failure (approval_rejected)' },
      ...(state.timeoutMs === null
        ? []
        : [{ label: 'no answer', target: state.onTimeout ?? 'failure (approval_timeout)' }]),
    ]
  }
  return [{ label: '', target: state.next }]
}

/** A workflow as a Mermaid flow chart; inner states are in boxes. */
export function drawWorkflowMermaid(definition: Definition): string {
  return ['flowchart TD', ...mermaidFlow(definition.flow, '  ', 'start', 'finish')].join('\n')
}

function mermaidFlow(flow: Flow, indent: string, first: string, last: string): string[] {
  const lines = [`${indent}${first}(( )) --> ${node(flow.start)}`]
  for (const state of flow.states) {
    lines.push(`${indent}${node(state.id)}["${escaped(`${state.id}: ${state.title ?? state.type}`)}"]`)
    for (const { label, target } of edges(state)) {
      const to =
        target === END
          ? `${last}(( ))`
          : target.startsWith('failure')
            ? `${node(state.id)}_failed((failed))`
            : node(target)
      lines.push(`${indent}${node(state.id)} -->${label === '' ? '' : `|"${escaped(label)}"|`} ${to}`)
    }
    for (const inner of flowsOf(state)) {
      const box = `${node(state.id)}_${inner.name === '*' ? 'each' : inner.name.replaceAll('-', '_')}`
      lines.push(
        `${indent}subgraph ${box}_box["${escaped(`${state.id} ${inner.name === '*' ? 'each' : inner.name}`)}"]`,
      )
      lines.push(...mermaidFlow(inner.flow, `${indent}  `, `${box}_start`, `${box}_end`), `${indent}end`)
      lines.push(`${indent}${node(state.id)} -.-> ${box}_box`)
    }
  }
  return lines
}

/** Ids get a prefix, because `end` and others have a meaning in Mermaid. */
function node(id: string): string {
  return `s_${id.replaceAll('-', '_')}`
}

function escaped(text: string): string {
  return text.replaceAll('"', '#quot;').replace(/[\r\n]+/g, ' ')
}
