/**
 * The scripted agent of `belay demo`: a `command` agent (one JSON object on stdin, JSON lines on stdout) that plays implementer
 * and reviewer without a model, a key or a network. It makes two mistakes on purpose, and fixes each only after it has read in
 * its prompt what was wrong: the output of a gate, and a finding of the review.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

interface Input {
  readonly role: string
  readonly prompt: string
  readonly task: { readonly handle: string; readonly title: string }
  readonly workspace: string
}

interface Work {
  readonly says: string
  /** Name of the function in src/stats.js. */
  readonly name: string
  readonly code: string
  readonly tests: string
}

/** Name of the test that fails on the first try of T002; the implementer finds it in the gate's output. */
const MEDIAN_TEST = 'median compares values, not their text'
/** Beginning of the finding for the first try of T003. */
const RANGE_FINDING = 'range([]) returns'

const REFUSE_EMPTY = "  if (numbers.length === 0) throw new RangeError('an empty list')\n"

function mean(): Work {
  return {
    says: 'I add mean() and refuse an empty list, as the spec says.',
    name: 'mean',
    code: `/** The arithmetic mean. */\nexport function mean(numbers) {\n${REFUSE_EMPTY}  return sum(numbers) / numbers.length\n}\n`,
    tests: tests('mean', [
      ['mean of some numbers', 'assert.equal(stats.mean([1, 2, 6]), 3)'],
      ['mean refuses an empty list', 'assert.throws(() => stats.mean([]), RangeError)'],
    ]),
  }
}

function median(prompt: string): Work {
  const told = prompt.includes(MEDIAN_TEST)
  const sort = told ? 'toSorted((a, b) => a - b)' : 'toSorted()'
  return {
    says: told
      ? `The gate shows that "${MEDIAN_TEST}" failed: toSorted() compares text, so 10 comes before 9. I compare numbers.`
      : 'I add median(): sort, then take the middle.',
    name: 'median',
    code: [
      '/** The value in the middle, or the mean of the two in the middle. */',
      'export function median(numbers) {',
      `${REFUSE_EMPTY}  const sorted = numbers.${sort}`,
      '  const middle = Math.floor(sorted.length / 2)',
      '  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2',
      '}\n',
    ].join('\n'),
    tests: tests('median', [
      [
        'median of an odd and an even number of values',
        'assert.deepEqual([stats.median([3, 1, 2]), stats.median([1, 2, 3, 4])], [2, 2.5])',
      ],
      [MEDIAN_TEST, 'assert.equal(stats.median([10, 9, 1]), 9)'],
      ['median refuses an empty list', 'assert.throws(() => stats.median([]), RangeError)'],
    ]),
  }
}

function range(prompt: string): Work {
  const told = prompt.includes(RANGE_FINDING)
  const refused: Test = ['range refuses an empty list', 'assert.throws(() => stats.range([]), RangeError)']
  return {
    says: told
      ? 'The review is right: I forgot the empty list, and a test for it. I add both.'
      : 'I add range(): the largest number less the smallest.',
    name: 'range',
    code: `/** The distance between the smallest and the largest number. */\nexport function range(numbers) {\n${told ? REFUSE_EMPTY : ''}  return Math.max(...numbers) - Math.min(...numbers)\n}\n`,
    tests: tests('range', [
      ['range of some numbers', 'assert.equal(stats.range([4, 9, 1]), 8)'],
      ...(told ? [refused] : []),
    ]),
  }
}

type Test = readonly [name: string, check: string]

/** Tests are added to the existing file: failures in a new file could be taken for tests written ahead of their code. */
function tests(name: string, all: readonly Test[]): string {
  const body = all.map(([title, check]) => `  test('${title}', () => {\n    ${check}\n  })\n`).join('\n')
  return `describe('${name}', () => {\n${body}})\n`
}

const WORK: Readonly<Record<string, (prompt: string) => Work>> = { T001: mean, T002: median, T003: range }

const UNKNOWN = 'I only know T001, T002 and T003 of the demo.'

async function implement({ task, prompt, workspace }: Input): Promise<unknown> {
  const work = WORK[task.handle]?.(prompt)
  if (work === undefined) {
    say(UNKNOWN)
    return implemented(task.handle, 'blocked', UNKNOWN)
  }
  say(work.says)
  const { name, code } = work
  const earlierCode = new RegExp(`/\\*\\*[^\\n]*\\*/\\nexport function ${name}\\([\\s\\S]*?\\n}\\n`)
  const earlierTests = new RegExp(`describe\\('${name}',[\\s\\S]*?\\n}\\)\\n`)
  await put(join(workspace, 'src', 'stats.js'), code, earlierCode)
  await put(join(workspace, 'test', 'stats.test.js'), work.tests, earlierTests)
  return implemented(task.handle, 'implemented', work.says)
}

/** Replaces an earlier version of `text`, or appends it to the file. */
async function put(file: string, text: string, earlier: RegExp): Promise<void> {
  const before = await readFile(file, 'utf8')
  await writeFile(file, earlier.test(before) ? before.replace(earlier, () => text) : `${before}\n${text}`)
}

function implemented(taskHandle: string, status: 'implemented' | 'blocked', summary: string): unknown {
  return { taskHandle, summary, status, assumptions: [], notes: [], unresolvedItems: [], needsHumanAttention: false }
}

async function review({ task, prompt, workspace }: Input): Promise<unknown> {
  const work = WORK[task.handle]?.(prompt)
  const unclear = { note: UNKNOWN, status: 'unclear' }
  if (work === undefined) {
    say(UNKNOWN)
    return reviewed(task.handle, 'blocked', UNKNOWN, [], [{ criterion: task.title, ...unclear }])
  }
  const seen = await tryEmptyList(workspace, work.name)
  const criteria = criteriaIn(prompt, task.title)
  if (seen === null) {
    say(`I called ${work.name}() with an empty list, and it is refused as the spec says.`)
    const checks = criteria.map((criterion) => ({ criterion, note: 'Read and tried.', status: 'pass' }))
    return reviewed(task.handle, 'pass', `${task.title}: as specified.`, [], checks)
  }
  const issue = `${work.name}([]) returns ${seen}, but the spec wants a RangeError`
  say(`The tests pass, but ${issue}.`)
  const fixHint = 'Throw a RangeError for an empty list, and test it.'
  const checks = criteria.map((criterion) =>
    criterion.includes('empty list')
      ? { criterion, note: issue, status: 'fail' }
      : { criterion, note: 'Read and tried.', status: 'pass' },
  )
  return reviewed(task.handle, 'rework', issue, [{ severity: 'medium', issue, fixHint, file: 'src/stats.js' }], checks)
}

function reviewed(
  taskHandle: string,
  verdict: 'pass' | 'rework' | 'blocked',
  summary: string,
  findings: readonly unknown[],
  acceptanceChecks: readonly unknown[],
): unknown {
  return { taskHandle, summary, verdict, overallRisk: 'low', findings, acceptanceChecks }
}

/** What the function returns for an empty list, as text; null: it throws, as it should. */
async function tryEmptyList(workspace: string, name: string): Promise<string | null> {
  const module = (await import(pathToFileURL(join(workspace, 'src', 'stats.js')).href)) as Record<string, unknown>
  const subject = module[name]
  if (typeof subject !== 'function') return 'nothing: there is no such function'
  try {
    return String((subject as (numbers: readonly number[]) => unknown)([]))
  } catch (error) {
    return error instanceof RangeError ? null : String(error)
  }
}

/** The list in the prompt's section "Completion criteria", or else only the title. */
function criteriaIn(prompt: string, title: string): readonly string[] {
  const section = /^## Completion criteria\n+(`{3,})[^\n]*\n([\s\S]*?)\n\1/m.exec(prompt)?.[2] ?? ''
  const found = section.split('\n').flatMap((line) => (line.startsWith('- ') ? [line.slice(2).trim()] : []))
  return found.length > 0 ? found : [title]
}

function say(message: string): void {
  write({ type: 'message', text: message })
}

function write(frame: unknown): void {
  process.stdout.write(`${JSON.stringify(frame)}\n`)
}

async function main(): Promise<void> {
  const input = (await json(process.stdin)) as Input
  const output = input.role === 'reviewer' ? await review(input) : await implement(input)
  write({ type: 'usage', input_tokens: input.prompt.length, output_tokens: JSON.stringify(output).length, cost_usd: 0 })
  write({ type: 'result', output })
}

void main()
