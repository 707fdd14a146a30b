import { describe, expect, test } from 'vitest'
import type { Evidence } from '../gates/port.ts'
import type { VerifyReport } from '../programs/direct/verify.ts'
import { stillRed } from './red-expected.ts'

interface Seen {
  readonly gate?: string
  readonly result?: Evidence['result']
  readonly exitCode?: number
  /** null: the runner reports no test names. */
  readonly failing: readonly string[] | null
}

function landed(redExpected: readonly string[], ...gates: readonly Seen[]): VerifyReport {
  const evidence = gates.map(({ gate = 'unit', result = 'pass', exitCode, failing }): Evidence => {
    const failed = failing?.length ?? 0
    const counts = { total: 2, passed: 2 - failed, failed, skipped: 0 }
    return {
      gate,
      argv: ['test'],
      exitCode: exitCode ?? (failed > 0 ? 1 : 0),
      signal: null,
      timedOut: false,
      durationMs: 1,
      tree: 't',
      result,
      reason: null,
      report: { counts, source: 'reporter', runner: 'node:test', tests: null, failing },
      notes: [],
      outputHead: '',
      outputTail: '',
      outputBytes: 0,
    }
  })
  return { tip: 'c', tree: 't', changedFiles: [], protectedFiles: [], removedTests: [], redExpected, evidence }
}

const announced = landed(['a', 'b'], { result: 'fail', failing: ['a', 'b', 'known'] })

describe('what is still red', () => {
  test('nothing, when nothing was announced; failures of the base are no announcement', () => {
    expect(stillRed([])).toEqual([])
    expect(stillRed([landed([], { failing: ['known'] })])).toEqual([])
  })

  test('what was announced last', () => {
    expect(stillRed([announced])).toEqual([{ gate: 'unit', tests: ['a', 'b'] }])
  })

  test('only those tests that the newest evidence still shows failing, though its gate passes against its base', () => {
    expect(stillRed([announced, landed([], { failing: ['b', 'known'] })])).toEqual([{ gate: 'unit', tests: ['b'] }])
    expect(stillRed([announced, landed([], { failing: ['known'] })])).toEqual([])
  })

  test('all of a gate that names no tests any more, unless it passes', () => {
    expect(stillRed([announced, landed([], { failing: null, exitCode: 1 })])).toEqual([
      { gate: 'unit', tests: ['a', 'b'] },
    ])
    expect(stillRed([announced, landed([], { failing: null, exitCode: 0 })])).toEqual([])
  })

  test('all of a gate that did not run at the end', () => {
    expect(stillRed([announced, landed([], { gate: 'lint', failing: [] })])).toEqual([
      { gate: 'unit', tests: ['a', 'b'] },
    ])
  })
})
