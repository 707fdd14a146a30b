import { describe, expect, it } from 'vitest'
import { ApprovalDesk } from './desk.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver, TurnEvent } from '../port.ts'

const REQUEST: ApprovalRequest = {
  id: '1',
  kind: 'command',
  title: 'rm x',
  command: 'rm x',
  cwd: '/w',
  paths: [],
  tool: null,
  reason: null,
}

function open(approve: Approver) {
  const states: string[] = []
  const events: TurnEvent[] = []
  const desk = new ApprovalDesk(approve, (event) => {
    events.push(event)
    if (event.type === 'approval') states.push(`${event.request.id} ${event.state} ${event.answer?.decision ?? '-'}`)
  })
  return { desk, states, events }
}

const allow: ApprovalAnswer = { decision: 'allow', reason: 'fine' }

describe('ApprovalDesk', () => {
  it('tells what was asked and what was answered', async () => {
    const { desk, states } = open(() => Promise.resolve(allow))
    expect(await desk.ask(REQUEST)).toEqual(allow)
    expect(states).toEqual(['1 asked -', '1 answered allow'])
  })

  it('forgets what is withdrawn: its answer comes too late, and its approver is told', async () => {
    let answer: (late: ApprovalAnswer) => void = () => {}
    let gone = false
    const { desk, states } = open((_, signal) => {
      signal.addEventListener('abort', () => (gone = true))
      return new Promise((resolve) => (answer = resolve))
    })
    const asking = desk.ask(REQUEST)
    desk.withdraw('1')
    desk.withdraw('unknown')
    answer(allow)
    expect(await asking).toBeNull()
    expect(gone).toBe(true)
    expect(states).toEqual(['1 asked -', '1 withdrawn -'])
  })

  it('withdraws all when the turn is over, and asks nothing more', async () => {
    const { desk, states } = open(() => new Promise(() => {}))
    void desk.ask(REQUEST)
    void desk.ask({ ...REQUEST, id: '2' })
    desk.close()
    desk.close()
    expect(await desk.ask({ ...REQUEST, id: '3' })).toBeNull()
    expect(states).toEqual(['1 asked -', '2 asked -', '1 withdrawn -', '2 withdrawn -'])
  })

  it('denies another request under an open id', async () => {
    let asked = 0
    const { desk } = open(() => {
      asked += 1
      return new Promise(() => {})
    })
    void desk.ask(REQUEST)
    expect(await desk.ask({ ...REQUEST, command: 'rm -rf /' })).toMatchObject({ decision: 'deny' })
    expect(asked).toBe(1)
  })

  it('takes the failure of an approver for a denial', async () => {
    const { desk, states } = open(() => Promise.reject(new Error('no connection')))
    expect(await desk.ask(REQUEST)).toEqual({ decision: 'deny', reason: 'nobody could decide: no connection' })
    expect(states).toEqual(['1 asked -', '1 answered deny'])
  })

  it('shows the approver all of a request, and tells it on capped', async () => {
    const command = `echo ${'x'.repeat(100_000)}; rm -rf /`
    let seen: string | null = ''
    const { desk, events } = open((request) => {
      seen = request.command
      return Promise.resolve(allow)
    })
    await desk.ask({ ...REQUEST, command, tool: { name: 'Bash', input: { command } } })
    expect(seen).toBe(command)
    expect(JSON.stringify(events[0]).length).toBeLessThan(20_000)
  })
})
