/**
 * A second parser (mvdan's, as WebAssembly) reads the same text. Where the two disagree, the verdict must be ask or stricter.
 */
import * as fc from 'fast-check'
import { print } from 'sh-syntax'
import { describe, expect, it } from 'vitest'
import { scan } from './shell/scan.ts'
import { judged } from './testing/place.ts'
import { ODD_COMMANDS } from './testing/odd-commands.ts'

/**
 * Every run uses the same scripts, so that a new disagreement shows up only in a deliberate search: `SEARCH=1` draws other and
 * more scripts.
 */
const SEED = process.env['SEARCH'] ? {} : { seed: 20_261_121 }
const RUNS = process.env['SEARCH'] ? 4000 : 200

/** The simple commands that Belay's parser finds in a text; null: it does not understand the text. */
function commands(source: string): string[] | null {
  const { calls, doubts } = scan(source, { home: '/home/me', cwds: ['/w'], stdin: { kind: 'inherited' } })
  if (doubts.some(({ broken }) => broken)) return null
  return calls
    .filter(({ argv, redirects, assigned }) => argv.length + redirects.length + assigned.length > 0)
    .map(({ argv, redirects, assigned }) =>
      JSON.stringify([
        assigned.map(({ name }) => name),
        argv.map((arg) => (arg.kind === 'static' ? arg.value : `?${arg.head}`)),
        redirects.map(({ effect, target }) => [effect, target.kind === 'static' ? target.value : '?']),
      ]),
    )
}

/** The text as the second parser understands it; null: it does not. */
async function normal(source: string): Promise<string | null> {
  try {
    return await print(source)
  } catch {
    return null
  }
}

/** Whether both parsers understand the same, or the verdict is not `allow`. */
async function agrees(source: string): Promise<boolean> {
  const other = await normal(source)
  const own = commands(source)
  // The second parser's output is sometimes no valid script even to itself: it then accepts the text, and tells no more.
  if (other !== null && (await normal(other)) === null) return own !== null || judged(source).decision !== 'allow'
  const theirs = other === null ? null : commands(other)
  const same = own !== null && theirs !== null && JSON.stringify(own) === JSON.stringify(theirs)
  return same || judged(source).decision !== 'allow'
}

const quiet = fc.constantFrom(
  'a',
  'b1',
  '-x',
  '--long=v',
  './p',
  "'q r'",
  '"s t"',
  '"u $v"',
  '$w',
  '${x}',
  '${y:-z}',
  'a\\ b',
  '*.c',
  '{d,e}',
  '~/f',
  '#g',
  '=',
  '1',
  "$'h'",
  '"\\""',
  '$?',
  '[i]',
  '!',
  '%',
)

interface Grammar {
  readonly word: string
  readonly simple: string
  readonly list: string
}

const { list } = fc.letrec<Grammar>((untyped) => {
  const tie = (key: keyof Grammar): fc.Arbitrary<string> => untyped(key) as fc.Arbitrary<string>
  return {
    word: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      quiet,
      tie('list').map((inner) => `$(${inner})`),
      tie('list').map((inner) => `"x$(${inner})"`),
      tie('list').map((inner) => `<(${inner})`),
      tie('word').map((inner) => `\${v:-${inner}}`),
      tie('word').map((inner) => `$((1+${/^[a-z0-9]+$/.test(inner) ? inner : '2'}))`),
    ),
    simple: fc
      .tuple(
        fc.constantFrom('', 'V=1 ', 'V="$x" '),
        fc.constantFrom('ls', 'echo', 'cat', 'git', './run', 'test'),
        fc.array(tie('word'), { maxLength: 3 }),
        fc.constantFrom('', ' >o', ' 2>&1', ' <i', ' >>p 2>/dev/null', ' <<<w'),
      )
      .map(([assign, name, words, redirect]) => `${assign}${[name, ...words].join(' ')}${redirect}`),
    list: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('simple'),
      fc
        .tuple(tie('simple'), fc.constantFrom(' | ', ' && ', ' || ', '; ', '\n', ' & ', '|', '&&', ';'), tie('list'))
        .map((parts) => parts.join('')),
      tie('list').map((inner) => `( ${inner} )`),
      tie('list').map((inner) => `{ ${inner}; }`),
      tie('list').map((inner) => `if ${inner}; then ls; fi`),
      tie('list').map((inner) => `while ${inner}; do break; done`),
      tie('list').map((inner) => `for x in a b; do ${inner}; done`),
      tie('list').map((inner) => `case x in a) ${inner};; *) ls;; esac`),
      tie('list').map((inner) => `f() { ${inner}; }`),
      tie('list').map((inner) => `! ${inner}`),
      fc.tuple(tie('simple'), tie('simple')).map(([a, b]) => `${a} <<E\nx $(${b}) y\nE\n`),
    ),
  }
})

describe('a second parser', { timeout: 240_000 }, () => {
  it('finds the same commands in generated scripts, or the verdict is not allow', async () => {
    await fc.assert(
      fc.asyncProperty(list, async (source) => {
        expect(await agrees(source), source).toBe(true)
      }),
      { numRuns: RUNS, ...SEED },
    )
  })

  it('most generated scripts are understood by both, so that the comparison means something', async () => {
    const samples = fc.sample(list, { numRuns: 150, seed: 7 })
    const both = await Promise.all(
      samples.map(async (source) => (await normal(source)) !== null && commands(source) !== null),
    )
    expect(both.filter(Boolean).length).toBeGreaterThan(100)
  })

  it.each(ODD_COMMANDS)('agrees about %j, or the verdict is not allow', async (source) => {
    expect(await agrees(source)).toBe(true)
  })
})

describe('whatever the text', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(
        fc.constantFrom(
          ...'$(){}[]<>|&;`"\'\\ \n\t!#*?~=+-/'.split(''),
          '$(',
          '${',
          '<<',
          '<(',
          '((',
          '[[',
          'rm',
          'if',
          'do',
          'case',
          'EOF',
          'in',
          'x',
        ),
        { maxLength: 120 },
      )
      .map((parts) => parts.join('')),
    list.map((source) => source.slice(1)),
    fc.tuple(list, fc.nat(60)).map(([source, at]) => source.slice(0, at)),
  )

  it('judge never throws and says which part it means', () => {
    fc.assert(
      fc.property(nasty, fc.boolean(), fc.boolean(), (command, confined, strict) => {
        const verdict = judged(command, { confined, presets: strict ? ['strict', 'shell'] : [] })
        expect(['allow', 'ask', 'deny']).toContain(verdict.decision)
        expect(
          verdict.findings.every(({ part, rule, reason }) => part.length <= 200 && rule !== '' && reason !== ''),
        ).toBe(true)
      }),
      { numRuns: RUNS * 4, ...SEED },
    )
  })

  it('a denied command stays denied wherever it is put', () => {
    const frames = [
      '%',
      'ls; %',
      'ls && %',
      '( % )',
      '{ %; }',
      'echo $( %)',
      'echo "$( %)"',
      'if %; then ls; fi',
      'cat <<E\n$( %)\nE',
      'f() { %; }',
      'cat <(%)',
      'x=$( %)',
      'nice %',
      'env A=1 %',
      'timeout 5 %',
      "bash -c '%'",
      'ls | %',
      '% &',
    ] as const
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...frames), { minLength: 1, maxLength: 4 }), (chosen) => {
        const usable = chosen.filter(
          (frame, i) => !(frame.includes("'") && i > 0) && !(/^(nice|env|timeout)/.test(frame) && i > 0),
        )
        const command = usable.reduce((inner, frame) => frame.replace('%', () => inner), 'kill 1')
        expect(judged(command).decision, command).toBe('deny')
      }),
      { numRuns: RUNS, ...SEED },
    )
  })

  it.each([
    ['parentheses', '('.repeat(19_990)],
    ['substitutions', '$('.repeat(9_990)],
    ['quoted substitutions', '"$('.repeat(6_600)],
    ['backticks', '`\\`'.repeat(6_600)],
    ['arithmetic', '$(('.repeat(6_600)],
    ['braces', '${a:-'.repeat(3_990)],
    ['commands', 'a;'.repeat(9_990)],
    ['paths', `cat ${'a/../'.repeat(3_900)}`],
    ['arguments', `rm ${'-x '.repeat(6_600)}`],
    ['brace expansions', `echo ${'{a,b}'.repeat(3_000)}`],
    ['here-documents', 'cat <<A\n'.repeat(2_490)],
    ['a million characters', 'x'.repeat(1_000_000)],
    ['sh in sh', 'sh -c "'.repeat(2_000)],
    ['wrappers', 'env '.repeat(4_900)],
    ['globs', `rm ${'*a'.repeat(9_000)}`],
    ['variables', 'a=$a$a;'.repeat(2_800)],
    ['loops', 'for a in b;do '.repeat(1_400)],
  ])('takes bounded time on %s', (_, command) => {
    // CPU time of this thread, because a busy machine must not fail the test.
    const started = process.threadCpuUsage()
    judged(command, { rules: { deny: ['rm *a*a*a*a*b'] } })
    const { user, system } = process.threadCpuUsage(started)
    expect((user + system) / 1000).toBeLessThan(3000)
  })
})
