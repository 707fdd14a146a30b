/**
 * Facts about a whole script that are needed before it is walked: which variables keep one value, and what changes hidden
 * state.
 */
import { forEachChild, type SyntaxNode } from 'unbash'

export interface Survey {
  /** Names that are set at exactly one place, by an assignment or a `for`, and by nothing that cannot be followed. */
  readonly once: ReadonlySet<string>
  /** Names that are set anywhere. */
  readonly set: ReadonlySet<string>
  /** Names that a builtin or a loop may set. */
  readonly indirectly: ReadonlySet<string>
  /** Whether `cd` or the like occurs outside subshells. */
  readonly moves: boolean
  /** Names of all functions that are defined. */
  readonly functions: ReadonlySet<string>
}

/** Builtins that set the variables named by their arguments. */
const SETTERS = new Set(
  'read mapfile readarray getopts unset let printf declare typeset local export readonly wait'.split(' '),
)
const BLIND = new Set(['eval', 'source', '.', 'declare', 'typeset', 'local'])
export const MOVERS: ReadonlySet<string> = new Set(['cd', 'pushd', 'popd'])

/** Reads `root` once. Never throws for anything that the parser can return. */
export function survey(root: SyntaxNode): Survey {
  const times = new Map<string, number>()
  const functions = new Set<string>()
  const indirectly = new Set<string>()
  let blind = false
  const note = (name: string, count = 1): void => void times.set(name, (times.get(name) ?? 0) + count)
  const visit = (node: SyntaxNode): void => {
    if (node.type === 'Assignment') note(node.name, node.append || node.index ? 2 : 1)
    else if (node.type === 'For' || node.type === 'Select') {
      note(node.name.value, node.type === 'For' ? 1 : 2)
      indirectly.add(node.name.value)
    } else if (node.type === 'ParameterExpansion' && node.operation?.type === 'Default') note(node.parameter, 2)
    else if (node.type === 'ArithmeticWord') note(node.value, 2)
    else if (node.type === 'Function') functions.add(node.name.value)
    else if (node.type === 'Redirect' && node.descriptor?.type === 'FileDescriptorVariable') {
      note(node.descriptor.name, 2)
    } else if (node.type === 'Command') {
      const words = node.suffix.flatMap((one) => (one.type === 'Word' ? [one.value] : []))
      const name = node.name?.value ?? ''
      // declare -n makes one name stand for another, and eval and source can do anything.
      if (BLIND.has(name) && (name.length < 5 || name === 'source' || words.length > 0)) blind = true
      if (SETTERS.has(name) || name === 'command' || name === 'builtin')
        for (const word of words) {
          note(word, 2)
          if (SETTERS.has(name)) indirectly.add(word)
        }
    }
    forEachChild(node, visit)
  }
  visit(root)
  const once = new Set(blind ? [] : [...times].flatMap(([name, count]) => (count === 1 ? [name] : [])))
  return { once, set: new Set(times.keys()), indirectly, moves: moves(root), functions }
}

/** Whether `cd` occurs in `node` with an effect beyond it. */
export function moves(node: SyntaxNode): boolean {
  if (node.type === 'Subshell' || node.type === 'Word' || node.type === 'Assignment') return false
  if (node.type === 'Pipeline' && node.commands.length > 1) return false
  if (node.type === 'Command') {
    const words = [node.name?.value, ...node.suffix.map((one) => (one.type === 'Word' ? one.value : ''))]
    return words.slice(0, 3).some((word) => word !== undefined && MOVERS.has(word))
  }
  let found = false
  forEachChild(node, (child) => {
    found ||= moves(child)
  })
  return found
}
