import { printable } from '../../core/text.ts'
import { ASK_OPTIONS, type Ask } from '../../sessions/index.ts'

/** A session's question as printed with `--json`: like a run's, with `session` instead of `run` and `task`. */
export function askView(ask: Ask, answer: string | null, note: string | null): Record<string, unknown> {
  return {
    id: ask.id,
    run: null,
    task: null,
    session: ask.session,
    kind: 'approval',
    question: ask.question,
    options: ASK_OPTIONS,
    context: ask.context,
    status: answer === null ? 'open' : 'answered',
    answer,
    note,
    created_at: ask.createdAt,
    expires_at: ask.expiresAt,
    closed_at: null,
  }
}

export function askText(ask: Ask): string[] {
  const { command, cwd, reason } = ask.context
  return [
    `${ask.id}  session ${ask.session}  ${ask.createdAt}, until ${ask.expiresAt}`,
    `  ${printable(ask.question)}`,
    ...[
      ['command', command],
      ['in', cwd],
      ['because', reason],
    ].flatMap(([name, value]) =>
      typeof value === 'string' ? [`  ${String(name)}: ${printable(value).replace(/\s+/g, ' ').slice(0, 1000)}`] : [],
    ),
    `  belay answer ${ask.id} ${ASK_OPTIONS.join('|')}`,
  ]
}
