import { expect, test } from 'vitest'
import type { RecordedEvent } from '../../record/index.ts'
import type { Io } from '../io.ts'
import { ringBell } from './bell.ts'

function rung(type: string, data: Record<string, unknown> = {}): string {
  let written = ''
  const screen = { write: (text: string) => void (written += text) } as unknown as Io['screen']
  const event: RecordedEvent = {
    seq: 1,
    time: '',
    type,
    version: 1,
    project: null,
    run: 'r',
    task: null,
    session: null,
    actor: 'belay',
    data,
  }
  ringBell({ screen }, event)
  ringBell({ screen: null }, event)
  return written
}

test('rings once when a person is wanted or a run ended, and for nothing else', () => {
  expect(rung('checkpoint.opened')).toBe('\u0007')
  expect(rung('task.blocked')).toBe('\u0007')
  expect(rung('run.failed')).toBe('\u0007')
  expect(rung('run.finished', { status: 'done' })).toBe('\u0007')
  expect(rung('run.finished', { status: 'interrupted' })).toBe('')
  expect(rung('task.done')).toBe('')
  expect(rung('item.message')).toBe('')
})
