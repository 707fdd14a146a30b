/** Judges one command line by the rules. */
import { isAbsolute } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { head } from '../core/text.ts'
import { checkCommand, checkIndirect, checkVariables, variablesOf, type Remark } from './checks.ts'
import { invocation, matchCommand, matchRedirect, placesOfArg, type Invocation } from './match.ts'
import { judgePath } from './judge-path.ts'
import type { Surroundings } from './places.ts'
import type { CommandQuestion, Decision, Finding, Verdict } from './port.ts'
import { changesByArguments, isKnownReader, pathsOf } from './programs/effects.ts'
import type { PathUse } from './programs/path-use.ts'
import { runsScriptFile } from './programs/scripts.ts'
import { variablePaths } from './programs/variables.ts'
import { innerOf } from './programs/wrappers.ts'
import type { PolicyRules, Rule } from './rules.ts'
import { scan } from './shell/scan.ts'
import type { Call, FileRedirect, Scan, Stdin } from './shell/scanned.ts'
import type { Cwds } from './shell/folders.ts'
import type { Arg } from './shell/arg.ts'
import { strictChecks, STRICT_LONGEST } from './strict.ts'

/** Longer command lines are not read. */
export const LONGEST = 20_000
/** The greatest nesting of commands within commands. */
const DEEPEST = 8
const MOST_FINDINGS = 1000
const ORDER: Readonly<Record<Decision, number>> = { allow: 0, ask: 1, deny: 2 }

/** The verdict on `question`. Never throws. */
export function judge(question: CommandQuestion, rules: PolicyRules, around: Surroundings): Verdict {
  const judgement = new Judgement(question, rules, around)
  try {
    judgement.text(question.command, {
      // A relative folder that an agent names may be any folder.
      cwds: [isAbsolute(question.cwd) ? question.cwd : null],
      stdin: { kind: 'inherited' },
      depth: 0,
    })
  } catch (error) {
    judgement.broken(question.command, `it could not be judged: ${messageOf(error)}`)
  }
  return judgement.verdict()
}

interface Setting {
  readonly cwds: Cwds
  readonly stdin: Stdin
  readonly depth: number
}

class Judgement {
  private readonly findings: Finding[] = []
  private readonly question: CommandQuestion
  private readonly rules: PolicyRules
  private readonly around: Surroundings

  constructor(question: CommandQuestion, rules: PolicyRules, around: Surroundings) {
    this.question = question
    this.rules = rules
    this.around = around
  }

  verdict(): Verdict {
    const worst = this.findings.reduce<Finding | null>(
      (one, next) => (one === null || ORDER[next.decision] > ORDER[one.decision] ? next : one),
      null,
    )
    if (worst === null) return { decision: 'allow', reason: 'there is nothing to run', findings: [] }
    const reason =
      worst.decision === 'allow' && this.findings.length > 1
        ? 'nothing in it is denied or needs a person'
        : `${worst.part}: ${worst.reason} (${worst.rule})`
    return { decision: worst.decision, reason: head(reason, 600), findings: this.findings }
  }

  text(source: string, setting: Setting): void {
    const longest = this.rules.strict ? STRICT_LONGEST : LONGEST
    if (source.length > longest) this.broken(source, `it is longer than ${longest} characters`)
    else if (source.includes('\0')) this.broken(source, 'it holds a NUL character')
    else if (setting.depth > DEEPEST) this.broken(source, 'it is nested too deeply')
    else this.scanned(scan(source, { home: this.around.home, cwds: setting.cwds, stdin: setting.stdin }), setting.depth)
  }

  private scanned(found: Scan, depth: number): void {
    for (const { part, reason, broken } of found.doubts) {
      if (broken) this.broken(part, reason)
      else this.doubt(part, reason)
    }
    if (this.rules.strict) {
      for (const { kind, part } of found.structures) {
        if (kind !== 'background')
          this.add({ decision: 'deny', rule: `strict/${kind}`, reason: `a ${kind} is not allowed` }, part)
      }
    }
    for (const remark of checkIndirect(found.survey.indirectly))
      this.remark(remark, [...found.survey.indirectly].join(' ').slice(0, 200))
    for (const call of found.calls) this.call(call, found, depth)
  }

  private call(call: Call, found: Scan, depth: number): void {
    const [program, ...args] = call.argv
    this.variables(call.assigned, call.part, call.cwds)
    if (program !== undefined) {
      if (program.kind === 'static' && found.survey.functions.has(program.value)) this.functionCall(call, program.value)
      this.command(program, args, call, { cwds: call.cwds, stdin: call.stdin, depth })
    } else if (call.assigned.length > 0) {
      this.add({ decision: 'allow', rule: 'assignment', reason: 'sets variables of this shell' }, call.part)
    }
    for (const redirect of call.redirects) this.redirect(redirect, call.cwds)
  }

  /** Such as `:(){ :|:& };:` */
  private functionCall(call: Call, name: string): void {
    const { stdin } = call
    if (stdin.kind === 'pipe' && stdin.from.some((from) => from.argv[0]?.value === name)) {
      this.add(
        { decision: 'deny', rule: 'builtin/fork-bomb', reason: 'a function that starts itself again and again' },
        call.part,
      )
    }
    if (
      isKnownReader(name) ||
      this.rules.builtin.some(({ pattern }) => pattern.kind === 'command' && pattern.program === name)
    ) {
      this.doubt(call.part, `${name} is a function here, and not what its name says`)
    }
  }

  private command(program: Arg, args: readonly Arg[], call: Call, setting: Setting): void {
    if (setting.depth > DEEPEST) {
      this.broken(call.part, 'it is nested too deeply')
      return
    }
    if (program.kind !== 'static' || program.value === '') {
      this.doubt(call.part, `which program that is is not known: ${program.raw}`)
      return
    }
    const one = invocation(call.part, program.value, args, setting.cwds)
    const inner = innerOf(one, setting.stdin)
    const trusted = this.own(one, call, inner.length > 0)
    this.variables(variablesOf(one), call.part, one.cwds)
    this.paths(pathsOf(one), one.part, one.cwds)
    for (const each of inner) {
      const there: Setting = {
        cwds: each.kind !== 'doubt' && each.elsewhere ? [null] : setting.cwds,
        stdin: setting.stdin,
        depth: setting.depth + 1,
      }
      if (each.kind === 'doubt') {
        // A rule that allows `python -c` also allows what that runs.
        if (!trusted || each.rule === undefined) this.doubt(call.part, each.reason, each.rule)
      } else if (each.kind === 'script') this.text(each.text, there)
      else {
        const [name, ...rest] = each.argv
        const part = head(each.argv.map((arg) => arg.raw).join(' '), 200)
        if (name) this.command(name, rest, { ...call, part: each.note ? `${part} (${each.note})` : part }, there)
      }
    }
  }

  /** Applies the rules to the command itself. True: a rule of the configuration allows it. */
  private own(one: Invocation, call: Call, wraps: boolean): boolean {
    const { rules, question } = this
    const remarks = checkCommand(one, call, this.around)
    const readOnly = question.access === 'read-only' ? rules.readOnly : []
    const denies = [...rules.own, ...rules.presets, ...rules.builtin, ...readOnly].filter(
      ({ decision }) => decision === 'deny',
    )
    const maybes: Rule[] = []
    let denied = false
    for (const rule of denies) {
      const match = this.matches(rule, one, false)
      if (match === 'yes') {
        denied = true
        this.add(
          rule.id === 'builtin/read-only' ? { ...rule, rule: 'access/read-only' } : { ...rule, rule: rule.id },
          one.part,
        )
        break
      }
      if (match === 'maybe') maybes.push(rule)
    }
    for (const remark of remarks) if (remark.decision === 'deny') this.add(remark, one.part)
    if (denied) return false
    if (maybes[0])
      this.doubt(one.part, `an argument that is not known may make it what ${maybes[0].id} denies (${maybes[0].text})`)
    return this.layered(one, remarks, wraps)
  }

  /** For ask and allow, the first layer with a matching rule decides. */
  private layered(one: Invocation, remarks: readonly Remark[], wraps: boolean): boolean {
    const { rules, question } = this
    for (const [layer, list] of [
      ['own', rules.own],
      ['preset', rules.presets],
    ] as const) {
      const asked = list.find((rule) => rule.decision === 'ask' && this.matches(rule, one, false) !== 'no')
      if (asked) {
        this.add({ ...asked, rule: asked.id }, one.part)
        return false
      }
      const allowed = list.find((rule) => rule.decision === 'allow' && this.matches(rule, one, true) === 'yes')
      if (allowed === undefined) continue
      const other = layer === 'preset' ? this.runsOther(one, list) : undefined
      if (other) this.remark({ decision: 'ask', rule: other.id, reason: other.reason }, one.part)
      if (rules.strict) for (const remark of strictChecks(one, this.around)) this.add(remark, one.part)
      this.add({ ...allowed, rule: allowed.id }, one.part)
      // A preset's list of commands does not cover ways to make one of them run something else.
      for (const remark of remarks)
        if (layer === 'preset' || remark.rule === 'not-understood') this.remark(remark, one.part)
      return layer === 'own'
    }
    if (rules.strict) {
      this.add({ decision: 'deny', rule: 'strict/not-allowed', reason: 'no rule allows it' }, one.part)
      return false
    }
    for (const remark of remarks) this.remark(remark, one.part)
    const asked = rules.builtin.find((rule) => rule.decision === 'ask' && this.matches(rule, one, false) !== 'no')
    if (asked) {
      this.remark({ decision: 'ask', rule: asked.id, reason: asked.reason }, one.part)
      return false
    }
    if (remarks.some(({ decision }) => decision !== 'allow')) return false
    const reads =
      (isKnownReader(one.program.name) && !runsScriptFile(one)) ||
      wraps ||
      rules.readers.some((rule) => this.matches(rule, one, true) === 'yes')
    if (question.access === 'read-only' && !question.confined && !reads && !changesByPath(one)) {
      this.add(
        {
          decision: 'ask',
          rule: 'access/read-only',
          reason: 'nobody knows whether it writes, and this workspace may only be read',
        },
        one.part,
      )
      return false
    }
    this.add(
      reads
        ? { decision: 'allow', rule: 'builtin/reads', reason: 'does nothing by itself that could not be undone' }
        : {
            decision: 'allow',
            rule: 'unknown',
            reason: question.confined ? 'no rule names it, and a sandbox confines it' : 'no rule names it',
          },
      one.part,
    )
    return false
  }

  /** The built-in rule according to which `one` runs another program, unless a preset names exactly this command. */
  private runsOther(one: Invocation, presets: readonly Rule[]): Rule | undefined {
    const asked = this.rules.builtin.find(
      (rule) =>
        rule.decision === 'ask' && rule.id.startsWith('builtin/run-') && this.matches(rule, one, false) !== 'no',
    )
    if (asked?.pattern.kind !== 'command') return undefined
    const { flags, words } = asked.pattern
    const named = presets.some(
      (rule) =>
        rule.decision === 'allow' &&
        rule.pattern.kind === 'command' &&
        flags.length === 0 &&
        rule.pattern.words.length > words.length &&
        this.matches(rule, one, true) === 'yes',
    )
    return named ? undefined : asked
  }

  private matches(rule: Rule, one: Invocation, allow: boolean): 'yes' | 'maybe' | 'no' {
    return rule.pattern.kind === 'command' ? matchCommand(rule.pattern, one, this.around, allow) : 'no'
  }

  private variables(assigned: Call['assigned'], part: string, cwds: Cwds): void {
    for (const remark of checkVariables(assigned)) this.remark(remark, part)
    this.paths(variablePaths(assigned, this.around.home), part, cwds)
  }

  private paths(uses: readonly PathUse[], part: string, cwds: Cwds): void {
    for (const { arg, effect, recursive, within } of uses) {
      const places = placesOfArg(arg, cwds, this.around)
      this.path({ effect, recursive, raw: arg.raw, ...(within ? { within } : {}) }, places, part)
    }
  }

  private path(use: Parameters<typeof judgePath>[0], places: Parameters<typeof judgePath>[1], part: string): boolean {
    const said = judgePath(use, places, this.question.access)
    if (said) this.remark(said, part)
    else if (this.rules.strict && places?.has('outside')) {
      this.add({ decision: 'deny', rule: 'strict/outside', reason: `leads out of the workspace: ${use.raw}` }, part)
      return true
    }
    return said !== null
  }

  private redirect(redirect: FileRedirect, cwds: Cwds): void {
    const { rules } = this
    const { target, part } = redirect
    for (const decision of ['deny', 'ask', 'allow'] as const) {
      const rule = rules.own.find(
        (one) =>
          one.decision === decision &&
          one.pattern.kind === 'redirect' &&
          matchRedirect(one.pattern, redirect, cwds, this.around) === 'yes',
      )
      if (!rule) continue
      this.add({ ...rule, rule: rule.id }, part)
      if (decision !== 'allow') return
    }
    if (/^\/dev\/(tcp|udp)\//.test(target.head)) {
      this.remark({ decision: 'ask', rule: 'builtin/network', reason: 'opens a connection to another machine' }, part)
      return
    }
    const effect = redirect.effect === 'read' ? 'read' : 'write'
    const places = placesOfArg(target, cwds, this.around)
    if (this.path({ effect, recursive: false, raw: target.raw }, places, part)) return
    this.add({ decision: 'allow', rule: 'redirect', reason: `${effect}s ${target.raw}` }, part)
  }

  /**
   * Adds a finding of the built-in checks. `ask` becomes `allow` if a sandbox confines the command, and `deny` in strict mode.
   */
  private remark(remark: Remark, part: string): void {
    if (remark.decision !== 'ask') this.add(remark, part)
    else if (this.rules.strict) this.add({ ...remark, decision: 'deny' }, part)
    else if (this.question.confined)
      this.add({ ...remark, decision: 'allow', reason: `${remark.reason}; a sandbox confines it` }, part)
    else this.add(remark, part)
  }

  private doubt(part: string, reason: string, rule = 'not-understood'): void {
    this.remark({ decision: 'ask', rule, reason }, part)
  }

  /** Adds a finding for text that cannot be read. What it would do is unknown, so a sandbox does not make it acceptable. */
  broken(part: string, reason: string): void {
    this.add({ decision: this.rules.strict ? 'deny' : 'ask', rule: 'not-understood', reason }, head(part, 200))
  }

  private add({ decision, rule, reason }: Remark, part: string): void {
    if (this.findings.length < MOST_FINDINGS) this.findings.push({ decision, rule, part, reason })
    else if (this.findings.length === MOST_FINDINGS) {
      this.findings.push({
        decision: 'ask',
        rule: 'not-understood',
        part,
        reason: `more than ${MOST_FINDINGS} findings`,
      })
    } else if (decision === 'deny') this.findings[MOST_FINDINGS] = { decision, rule, part, reason }
  }
}

/** Whether the paths of a command tell what it writes. */
function changesByPath(one: Invocation): boolean {
  return (
    changesByArguments(one.program.name) && pathsOf(one).some(({ effect }) => effect === 'write' || effect === 'delete')
  )
}
