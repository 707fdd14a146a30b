import { formatDuration } from '../../core/duration.ts'
import { printable } from '../../core/text.ts'
import { quoteShell } from '../../git/quote.ts'
import type { EvidenceView } from './evidence.ts'
import { between, block, columns, money, oneLine, tests } from './format.ts'
import type { ShowView } from './show.ts'

/** How many lines of a failed gate's output are shown: for the newest round, and for earlier ones. */
const NEWEST_LINES = 20
const EARLIER_LINES = 4

/** One task for people: first why it is done or not, then the facts behind that. */
export function showText(view: ShowView, now: number): string[] {
  const { task } = view
  return [
    printable(task.why),
    ...(task.next === null ? [] : [`next: ${printable(task.next)}`]),
    '',
    ...head(view),
    ...section('attempts', attempts(view, now)),
    ...section('evidence', evidence(view.evidence)),
    ...section('findings', findings(view)),
    ...section('said', said(view)),
    ...section('questions', questions(view)),
    ...section('sessions', sessions(view, now)),
    ...section('failovers', failovers(view)),
    ...section('artifacts', artifacts(view)),
  ]
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => (line === '' ? '' : `  ${line}`))]
}

function head({ task }: ShowView): string[] {
  const cost = money(task.cost_usd, task.cost_kind)
  const after = task.depends_on.filter(({ kind }) => kind === 'explicit').map(({ handle }) => handle)
  const rows: (readonly [string, string | null])[] = [
    ['task', `${task.handle}  ${oneLine(task.title, 200)}`],
    ['run', task.run],
    ['status', task.phase === null || task.status === 'done' ? task.status : `${task.status} (${task.phase})`],
    ['commit', task.commit],
    ['branch', task.branch],
    ['after', after.length === 0 ? null : after.join(', ')],
    ['cost', cost ?? (task.sessions.length === 0 ? null : 'unknown')],
  ]
  return columns(rows.flatMap(([name, value]) => (value === null ? [] : [[name, printable(value)]])))
}

function attempts({ attempts: all }: ShowView, now: number): string[] {
  return columns(
    all.map((one) => [
      String(one.n),
      one.outcome ?? (one.ended_at === null ? 'at work' : 'ended'),
      between(one.started_at, one.ended_at, now),
      one.session ?? '',
    ]),
  )
}

function evidence(all: readonly EvidenceView[]): string[] {
  const newest = all.findLast((one) => one.phase !== 'baseline')
  const lines: string[] = []
  let title = ''
  for (const one of all) {
    const group = one.phase === 'baseline' ? 'on the base' : `${one.phase}, attempt ${one.attempt}`
    if (group !== title) lines.push(group)
    title = group
    lines.push(...gate(one, one.phase === newest?.phase && one.attempt === newest.attempt).map((line) => `  ${line}`))
  }
  return lines
}

function gate(one: EvidenceView, newest: boolean): string[] {
  const counts =
    one.counts === null ? '' : `, ${tests(one.counts)}${one.counts_source === 'text' ? ' (read from text)' : ''}`
  const end = one.timed_out
    ? 'timed out'
    : one.signal === null
      ? `exit ${one.exit_code ?? 'none'}`
      : `signal ${one.signal}`
  const why = one.reason === null ? '' : `: ${oneLine(one.reason.message, 400)}`
  const line = `${printable(one.gate)}: ${one.result}${counts} (${end}, ${formatDuration(one.duration_ms)}, tree ${one.tree.slice(0, 12)})${why}`
  const notes = one.notes.map((note) => `  note: ${oneLine(note, 400)}`)
  if (one.result === 'pass' || one.result === 'absent') return [line, ...notes]
  const output = one.output_tail
  const failing = (one.failing ?? []).slice(0, 20).map((test) => `  failing: ${oneLine(test, 200)}`)
  return [
    line,
    `  $ ${printable(commandLine(one.argv))}`,
    ...failing,
    ...notes,
    ...(output.trim() === '' ? ['  (no output)'] : block(output, '  | ', newest ? NEWEST_LINES : EARLIER_LINES)),
  ]
}

/** A gate's command as its user wrote it. */
function commandLine(argv: readonly string[]): string {
  const [shell, flag, text] = argv
  if (shell === '/bin/sh' && flag === '-c' && text !== undefined && argv.length === 3) return text
  return argv.map(quoteShell).join(' ')
}

function findings({ findings: all }: ShowView): string[] {
  return all.flatMap((one) => [
    `${one.id}  ${one.severity}  ${one.status}${one.seen > 1 ? `, named ${one.seen} times` : ''}${one.file === null ? '' : `  ${oneLine(one.file, 200)}`}`,
    `  ${oneLine(one.issue, 1000)}`,
    ...(one.fixHint.trim() === '' ? [] : [`  fix: ${oneLine(one.fixHint, 1000)}`]),
  ])
}

interface Said {
  readonly summary?: string
  readonly verdict?: string
  readonly status?: string
}

/** The newest claims of implementer and reviewer; a claim is no evidence. */
function said({ artifacts: all }: ShowView): string[] {
  return (['implementation', 'review'] as const).flatMap((kind) => {
    const found = all.findLast((one) => one.kind === kind)
    const answer = (found?.data as { answer?: Said } | undefined)?.answer
    if (found === undefined || answer === undefined) return []
    const who = kind === 'implementation' ? 'implementer' : 'reviewer'
    const what = answer.verdict ?? answer.status ?? ''
    return [`${who}, attempt ${found.attempt}, ${oneLine(what, 40)}: ${oneLine(answer.summary ?? '', 1000)}`]
  })
}

function questions({ task }: ShowView): string[] {
  return task.checkpoints.map((one) => {
    const note = one.note === null ? '' : ` (${oneLine(one.note, 200)})`
    const answer =
      one.status === 'open'
        ? `open, for one of ${one.options.join(', ')}: belay checkpoints`
        : `${one.status}${one.answer === null ? '' : `: ${oneLine(one.answer, 200)}`}`
    return `${one.id}  ${oneLine(one.question, 300)}  ${answer}${note}`
  })
}

function sessions({ task }: ShowView, now: number): string[] {
  return columns(
    task.sessions.map((one) => [
      one.id,
      one.role,
      printable(one.model === null ? one.provider : `${one.provider}/${one.model}`),
      `attempt ${one.attempt}`,
      one.status,
      between(one.started_at, one.ended_at, now),
      one.input_tokens + one.output_tokens === 0 ? '' : `${one.input_tokens} + ${one.output_tokens} tokens`,
      money(one.cost_usd, one.cost_kind) ?? '',
    ]),
  )
}

function failovers({ task }: ShowView): string[] {
  return task.failovers.map(
    ({ attempt, role, from, to, reason, until }) =>
      `attempt ${attempt}  ${role}  ${printable(from)} -> ${printable(to)}  ${oneLine(`${reason.code}${until === null ? '' : ` until ${until}`}: ${reason.message}`, 300)}`,
  )
}

function artifacts({ artifacts: all }: ShowView): string[] {
  return columns(all.map((one) => [one.kind, `${one.phase}, attempt ${one.attempt}`, `#${one.id}`]))
}
