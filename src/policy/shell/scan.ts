/** Finds every simple command of a script, with what is known about its arguments, folder and input. Runs nothing. */
import type {
  AndOr,
  Assignment,
  Command,
  CompoundCommand,
  Redirection,
  Script,
  Statement,
  SyntaxNode,
  TestExpression,
  Word,
} from 'unbash'
import { forEachChild, parse } from 'unbash'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { known, unknown, type Arg } from './arg.ts'
import { gapIn } from './gaps.ts'
import { moved, union, type Cwds } from './folders.ts'
import type { Call, FileRedirect, Place, Scan, Stdin, Structure } from './scanned.ts'
import { MOVERS, moves, survey, type Survey } from './survey.ts'
import { argsOf, type Meaning } from './words.ts'

interface State {
  cwds: Cwds
  vars: Map<string, readonly Arg[]>
  stdin: Stdin
}

/** At most this many commands of a text are followed. */
const MOST_CALLS = 2000
const PART = 200
const CLOSED = /^([$<>]\(.*\)|`.*`|\$\{.*\})$/s
const TESTS_OF_NUMBERS = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge'])

/** Reads `source` as a Bash script. Never throws: whatever cannot be read is a doubt. */
export function scan(source: string, place: Place): Scan {
  const scanner = new Scanner(source, place.home)
  try {
    const script = parse(source)
    scanner.survey = survey(script)
    const gap = gapIn(source, script)
    if (gap !== null) scanner.doubt(source, gap, true)
    scanner.script(script, { cwds: place.cwds, vars: new Map(), stdin: place.stdin })
  } catch (error) {
    // The parser and the walk recurse, so deeply nested text overflows the stack.
    scanner.doubt(source, `it could not be read: ${messageOf(error)}`, true)
  }
  return scanner
}

class Scanner implements Scan {
  readonly calls: Call[] = []
  readonly doubts: { part: string; reason: string; broken: boolean }[] = []
  readonly structures: { kind: Structure; part: string }[] = []
  survey: Survey = { once: new Set(), set: new Set(), indirectly: new Set(), moves: false, functions: new Set() }
  private source: string
  private readonly home: string

  constructor(source: string, home: string) {
    this.source = source
    this.home = home
  }

  doubt(part: string, reason: string, broken = false): void {
    if (this.doubts.length < 50) this.doubts.push({ part: head(part, PART), reason, broken })
  }

  script(script: Script & { errors?: readonly { message: string; pos: number }[] | undefined }, state: State): void {
    // A script in escaped backticks has its own source text.
    const outer = this.source
    if (script.source !== undefined) this.source = script.source
    for (const error of script.errors ?? []) this.doubt(this.source.slice(error.pos), error.message, true)
    for (const statement of script.commands) this.statement(statement, state)
    this.source = outer
  }

  private statement(statement: Statement, state: State): void {
    if (statement.background) {
      this.structure('background', statement)
      this.command(statement.command, copy(state))
      return
    }
    const before = state.cwds
    this.command(statement.command, state)
    // A cd may have failed, unless the list that it began ends there.
    if (statement.command.type !== 'AndOr') state.cwds = union(before, state.cwds)
  }

  private command(node: SyntaxNode, state: State): void {
    switch (node.type) {
      case 'Command':
        this.simple(node, state)
        return
      case 'AndOr':
        this.andOr(node, state)
        return
      case 'Pipeline': {
        if (node.commands.length === 0) this.doubt(this.text(node), 'a command is missing', true)
        if (node.prefixes.length > 1) this.doubt(this.text(node), 'shells do not agree about this', true)
        if (node.commands.length === 1 && node.commands[0]) {
          this.command(node.commands[0], state)
          return
        }
        let stdin = state.stdin
        for (const one of node.commands) {
          const from = this.calls.length
          this.command(one, { ...copy(state), stdin })
          stdin = { kind: 'pipe', from: this.calls.slice(from) }
        }
        return
      }
      case 'Redirected': {
        const redirects = this.redirects(node.redirects, state)
        if (redirects.length > 0) this.call({ part: this.text(node), argv: [], assigned: [], redirects, state })
        const outer = state.stdin
        state.stdin = this.stdin(node.redirects, state)
        this.command(node.command, state)
        state.stdin = outer
        return
      }
      case 'Function':
        this.structure('function', node)
        this.command(node.body, {
          cwds: this.survey.moves ? union(state.cwds, [null]) : state.cwds,
          vars: new Map(),
          stdin: { kind: 'unknown' },
        })
        return
      case 'Coproc':
        this.structure('background', node)
        this.command(node.body, { ...copy(state), stdin: { kind: 'unknown' } })
        return
      case 'CompoundList':
        for (const statement of node.commands) this.statement(statement, state)
        return
      default:
        this.compound(node as CompoundCommand, state)
    }
  }

  private compound(node: CompoundCommand, state: State): void {
    switch (node.type) {
      case 'Subshell':
        this.structure('subshell', node)
        this.command(node.body, copy(state))
        return
      case 'BraceGroup':
        this.command(node.body, state)
        return
      case 'If': {
        this.command(node.clause, state)
        const ends = [this.branch(node.then, state)]
        for (const { clause, then } of node.elif) {
          this.command(clause, state)
          ends.push(this.branch(then, state))
        }
        if (node.else) ends.push(this.branch(node.else, state))
        state.cwds = union(state.cwds, ...ends)
        return
      }
      case 'While':
        this.loop(state, [node.clause, node.body])
        return
      case 'For':
      case 'Select': {
        const words = node.wordlist?.flatMap((word) => this.word(word, state)) ?? [unknown('$@')]
        const body = copy(state)
        this.assign(body, node.name.value, words)
        this.loop(body, [node.body])
        state.cwds = union(state.cwds, body.cwds)
        return
      }
      case 'ArithmeticFor':
        for (const one of [node.initialize, node.test, node.update]) if (one) this.inside(one, state)
        this.loop(state, [node.body])
        return
      case 'Case': {
        this.word(node.word, state)
        const ends = node.items.map((item) => {
          for (const pattern of item.pattern) this.inside(pattern, state)
          return this.branch(item.body, state)
        })
        state.cwds = union(state.cwds, ...ends)
        return
      }
      case 'TestCommand':
        this.test(node.expression)
        this.inside(node.expression, state)
        return
      case 'ArithmeticCommand':
        if (node.expression === undefined) this.doubt(this.text(node), 'arithmetic that could not be read')
        else this.inside(node.expression, state)
    }
  }

  /** Walks what may or may not run, and returns the folders in which it may end. */
  private branch(node: SyntaxNode, state: State): Cwds {
    const inner = copy(state)
    this.command(node, inner)
    return inner.cwds
  }

  private loop(state: State, bodies: readonly SyntaxNode[]): void {
    const inner = copy(state)
    // Each iteration may begin in the folder where the last one ended.
    if (bodies.some(moves)) inner.cwds = union(inner.cwds, [null])
    for (const body of bodies) this.command(body, inner)
    state.cwds = union(state.cwds, inner.cwds)
  }

  private andOr(node: AndOr, state: State): void {
    const before = state.cwds
    let failed: Cwds = before
    let left = false
    node.commands.forEach((command, i) => {
      const or = node.operators[i - 1] === '||'
      const inner = i === 0 ? state : copy(state)
      if (or) inner.cwds = union(failed, state.cwds)
      this.command(command, inner)
      if (or && leaves(command)) left = true
      else state.cwds = or ? union(state.cwds, inner.cwds) : inner.cwds
      failed = union(failed, state.cwds)
    })
    if (!left) state.cwds = union(before, state.cwds)
  }

  private simple(node: Command, state: State): void {
    const assigned = node.prefix.flatMap((one) => (one.type === 'Assignment' ? [this.assignment(one, state)] : []))
    const argv = [
      ...(node.name ? this.word(node.name, state) : []),
      ...node.suffix.flatMap((one) => {
        if (one.type === 'Word') return this.word(one, state)
        if (one.type !== 'Assignment') return []
        const { value } = this.assignment(one, state)
        return value?.kind === 'static'
          ? [known(`${one.name}=${value.value}`, one.text)]
          : [unknown(one.text, `${one.name}=`)]
      }),
    ]
    const redirects = this.redirects(node.redirects, state)
    const stdin = this.stdin(node.redirects, state)
    this.call({ part: this.text(node), argv, assigned, redirects, state: { ...state, stdin } })
    if (argv.length === 0) for (const { name, value } of assigned) this.assign(state, name, value ? [value] : null)
    const plain = ['command', 'builtin'].includes(argv[0]?.value ?? '') ? argv.slice(1) : argv
    if (plain.slice(0, 2).some((arg) => MOVERS.has(arg.value))) state.cwds = moved(plain, state.cwds, this.home)
  }

  private assign(state: State, name: string, values: readonly Arg[] | null): void {
    if (values !== null && this.survey.once.has(name)) state.vars.set(name, values)
    else state.vars.delete(name)
  }

  private assignment(node: Assignment, state: State): { name: string; value: Arg | null } {
    if (node.index) this.inside(node.index, state)
    if (node.value.type === 'ArrayValue') {
      this.inside(node.value, state)
      return { name: node.name, value: null }
    }
    const values = this.word(node.value, state)
    return { name: node.name, value: values.length === 1 ? (values[0] ?? null) : null }
  }

  private redirects(list: readonly Redirection[], state: State): FileRedirect[] {
    return list.flatMap((one) => {
      if (one.type !== 'Redirect') {
        if (one.type === 'HereDoc') this.inside(one.body, state)
        else if (one.target) this.word(one.target, state)
        if (one.type === 'HereDoc' && !one.closing)
          this.doubt(this.text(one), 'a here-document that does not end', true)
        return []
      }
      const part = this.text(one)
      if (!one.target) {
        this.doubt(part, 'a redirect to nothing', true)
        return []
      }
      const targets = this.word(one.target, state)
      if ((one.operator === '>&' || one.operator === '<&') && targets.every(isDescriptor)) return []
      const effect = one.operator === '<' || one.operator === '<&' ? 'read' : one.operator === '<>' ? 'both' : 'write'
      return targets.map((target) => ({ part, effect, target }) as const)
    })
  }

  private stdin(list: readonly Redirection[], state: State): Stdin {
    let stdin = state.stdin
    for (const one of list) {
      if (one.type === 'Redirect') {
        if (one.operator.startsWith('<')) stdin = { kind: 'unknown' }
      } else if (one.type === 'HereDoc') {
        const whole = one.delimiter?.quoted === true || (one.body.parts === undefined && !one.body.text.includes('\\'))
        stdin = whole ? { kind: 'text', text: one.body.text } : { kind: 'unknown' }
      } else {
        const words = one.target ? this.word(one.target, state, true) : []
        const only = words.length === 1 && words[0]?.kind === 'static' ? words[0] : null
        stdin = only ? { kind: 'text', text: only.value } : { kind: 'unknown' }
      }
    }
    return stdin
  }

  private call({ state, ...rest }: Omit<Call, 'cwds' | 'stdin'> & { state: State }): void {
    if (this.calls.length >= MOST_CALLS) throw new Error(`more than ${MOST_CALLS} commands`)
    this.calls.push({ ...rest, part: head(rest.part, PART), cwds: state.cwds, stdin: state.stdin })
  }

  /** The arguments that a word becomes. Also walks substitutions inside it, unless `quietly` says that this was done before. */
  private word(word: Word, state: State, quietly = false): Arg[] {
    if (!quietly) this.inside(word, state)
    return argsOf(word, this.meaning(state))
  }

  private meaning(state: State): Meaning {
    return {
      home: this.home,
      variable: (name) => {
        if (this.survey.set.has(name)) return state.vars.get(name) ?? null
        if (name === 'HOME') return [known(this.home)]
        if (name === 'PWD') return state.cwds.every((one) => one !== null) ? state.cwds.map((one) => known(one)) : null
        return name === 'TMPDIR' ? [known('/tmp')] : null
      },
    }
  }

  /** Walks the commands that are substituted anywhere inside `node`. */
  private inside(node: SyntaxNode, state: State): void {
    switch (node.type) {
      case 'CommandExpansion':
      case 'ArithmeticCommandExpansion':
      case 'ProcessSubstitution':
        this.structure(node.type === 'ProcessSubstitution' ? 'process-substitution' : 'substitution', node)
        // The parser ends some substitutions too early, as in ${x/$(ls /)/}, and does not report it.
        if (!CLOSED.test(node.text)) this.doubt(node.text, 'a substitution whose end is not known', true)
        if (node.script) this.script(node.script, copy(state))
        else this.doubt(node.text, 'a substitution that could not be read', true)
        return
      case 'ArithmeticExpansion':
        if (node.expression === undefined) this.doubt(node.text, 'arithmetic that could not be read')
        break
      case 'Transform':
        if (/P/.test(node.operand.value)) this.doubt(this.text(node), '"@P" runs what stands in a variable')
        break
      case 'ParameterExpansion':
        if (node.prefix === '!' && node.operation?.type !== 'Names') {
          this.doubt(node.text, 'a variable that names another one')
        }
        break
      default:
    }
    forEachChild(node, (child) => this.inside(child, state))
  }

  /** `[[ 'a[$(x)]' -eq 0 ]]` runs x, because numbers are evaluated a second time. */
  private test(node: TestExpression): void {
    if (node.type === 'TestBinary' && TESTS_OF_NUMBERS.has(node.operator)) {
      for (const side of [node.left, node.right]) {
        if (/\[/.test(side.value)) this.doubt(this.text(side), 'an index is evaluated once more')
      }
    } else if (node.type === 'TestUnary' && node.operator === '-v' && /\[/.test(node.operand.value)) {
      this.doubt(this.text(node), 'an index is evaluated once more')
    }
    forEachChild(node, (child) => {
      if (child.type.startsWith('Test')) this.test(child as TestExpression)
    })
  }

  private structure(kind: Structure, node: SyntaxNode): void {
    if (this.structures.length < 200) this.structures.push({ kind, part: head(this.text(node), PART) })
  }

  private text(node: { readonly pos: number; readonly end: number }): string {
    return this.source.slice(node.pos, node.end)
  }
}

function copy(state: State): State {
  return { ...state, vars: new Map(state.vars) }
}

/** Whether the target is a descriptor (`2>&1`, `>&-`), so that no file is opened. */
function isDescriptor(arg: Arg): boolean {
  return arg.kind === 'static' && /^(\d+-?|-)$/.test(arg.value)
}

function leaves(node: SyntaxNode): boolean {
  return node.type === 'Command' && ['exit', 'return'].includes(node.name?.value ?? '')
}
