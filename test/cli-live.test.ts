import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { Terminal, terminalTools } from './support/terminal.ts'
import { World, type Scenario, type Turn } from './support/world.ts'

const tools = await terminalTools()
// oxlint-disable-next-line no-console -- a skipped test has to say why
if (typeof tools === 'string') console.warn(`skipped: ${tools}`)

let world: World
let terminal: Terminal | undefined
afterEach(() => {
  terminal?.dispose()
  terminal = undefined
  world.dispose()
})

/** An agent that says something, then waits until `go` is called for its task. */
function patient(task: string): Turn {
  const frames = [
    { type: 'message', text: `reading 日本語 for ${task}\n\u001b[31mred\u0007 ${'and so on '.repeat(30)}` },
    { type: 'usage', input_tokens: 10, output_tokens: 1, cost_usd: 0.5 },
  ]
  const say = frames.map((frame) => `echo '${JSON.stringify(frame)}'`).join('; ')
  return {
    sh: `${say}; until test -e "$HOME/${task}"; do sleep 0.02; done`,
    files: { [`${task}.txt`]: `${task}\n` },
  }
}

const PATIENT: Scenario = {
  implementer: { T001: [patient('T001')], T002: [patient('T002')], T003: [patient('T003')] },
}

function begin(scenario: Scenario = PATIENT): World {
  world = new World(scenario)
  world
    .config()
    .feature('001-x', [
      '- [ ] T001 [P] First with 日本語 in its title',
      '- [ ] T002 [P] Second',
      '- [ ] T003 [P] Third',
    ])
    .commit()
  return world
}

function open(args: readonly string[], options: ConstructorParameters<typeof Terminal>[3] = {}): Terminal {
  if (typeof tools === 'string') throw new Error(tools)
  terminal = new Terminal(tools, world, args, options)
  return terminal
}

function go(...tasks: readonly string[]): void {
  for (const task of tasks) world.files({ [`../user/${task}`]: '' })
}

/** The block: from the line that names the run to the end of the screen. */
function block(lines: readonly string[]): string[] {
  const first = lines.findLastIndex((line) => line.startsWith('run 2'))
  return first < 0 ? [] : lines.slice(first)
}

/** The state of a process as /proc has it: `T` is stopped. */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0]
}

/** Ends what a terminal is to show at once. */
const END_OF_FRAME = '\u001b[?2026l'

describe.skipIf(typeof tools === 'string')('belay run in a terminal', () => {
  it('gives the terminal back on Ctrl-Z, and draws again when it goes on', async () => {
    begin()
    const tty = open(['run'])
    const isDrawn = (all: readonly string[]): boolean =>
      block(all).some((line) => line.includes('implementer: reading'))
    await tty.until(isDrawn)
    expect(tty.cursorShown).toBe(false)
    for (const round of [1, 2]) {
      tty.type('\u001a')
      await expect.poll(() => stateOf(tty.pid)).toBe('T')
      await tty.until((all) => block(all).length === 0 && tty.cursorShown)
      expect(tty.lines(), String(round)).toContain('T001  attempt 1')
      process.kill(tty.pid, 'SIGCONT')
      await tty.until((all) => isDrawn(all) && !tty.cursorShown)
      expect(block(tty.lines()).filter((line) => line.startsWith('> T001'))).toHaveLength(1)
    }
    go('T001', 'T002', 'T003')
    expect((await tty.exit).exitCode).toBe(0)
    expect(tty.cursorShown).toBe(true)
    expect(block(tty.lines())).toEqual([])
  })

  it('draws how the run stands below what scrolls by, and leaves nothing of it behind', async () => {
    begin()
    const tty = open(['run', '--concurrency', '2'])
    const lines = await tty.until(
      (all) => block(all).filter((line) => line.includes('implementer: reading')).length === 2,
    )
    const shown = block(lines)
    expect(shown[0]).toMatch(/^run \d{8}-\d{6}-\w{6} {2}0 of 3 done, 1 queued, \d+s, \$1\.00$/)
    expect(shown[1]).toMatch(/^> T001 {2}implement +\d+s +\$0\.5000 {2}First with 日本語 in its title$/)
    expect(shown[2]).toMatch(/^ {8}implementer: reading 日本語 for T001 red and so on .*…$/)
    expect(shown[3]).toMatch(/^> T002 {2}implement +\d+s +\$0\.5000 {2}Second$/)
    expect(shown).toHaveLength(5)
    expect(lines).toContain('T001  attempt 1')
    go('T001', 'T002')
    await tty.until((all) => block(all)[0]?.includes('2 of 3 done') ?? false)
    go('T003')
    expect((await tty.exit).exitCode).toBe(0)
    const all = tty.lines(true)
    expect(block(all)).toEqual([])
    expect(all.at(-1)).toBe('run done')
    for (const task of ['T001', 'T002', 'T003']) {
      expect(all.filter((line) => line === `${task}  started`)).toHaveLength(1)
      expect(all.filter((line) => line.startsWith(`${task}  done: landed as`))).toHaveLength(1)
    }
    expect(all.some((line) => line.trim() === '')).toBe(false)
    expect(tty.cursorShown).toBe(true)
  })

  it('keeps its clocks running and redraws in place', async () => {
    begin()
    const tty = open(['run'])
    const clock = (lines: readonly string[]): string => /done, 2 queued, (\d+)s/.exec(block(lines)[0] ?? '')?.[1] ?? ''
    const first = clock(await tty.until((all) => clock(all) !== ''))
    const lines = await tty.until((all) => Number(clock(all)) >= Number(first) + 2)
    expect(tty.lines(true).filter((line) => /^run \S+ {2}/.test(line))).toHaveLength(1)
    expect(block(lines).length).toBeGreaterThanOrEqual(2)
  })

  it('stays one block when the window gets narrower and wider', async () => {
    begin()
    const tty = open(['run', '--concurrency', '3'])
    const whole = (all: readonly string[]): boolean => {
      const shown = block(all)
      return (
        shown.length === 7 && ['T001', 'T002', 'T003'].every((task, i) => shown[2 * i + 1]?.startsWith(`> ${task}`))
      )
    }
    await tty.until(whole)
    for (const cols of [140, 70, 41, 90, 30, 100]) {
      // Right after its clocks went on, so that nothing is on its way while the window changes.
      const before = tty.raw.length
      await tty.until((all) => whole(all) && tty.raw.length > before && tty.raw.endsWith(END_OF_FRAME))
      const drawn = tty.raw.length
      tty.resize(cols, 30)
      await tty.until((all) => whole(all) && tty.raw.length > drawn)
      const lines = tty.lines(true)
      expect(
        lines.filter((line) => line.startsWith('run 2')),
        lines.join('\n'),
      ).toHaveLength(1)
      expect(
        lines.filter((line) => line.startsWith('> T002')),
        lines.join('\n'),
      ).toHaveLength(1)
    }
    await tty.until((all) => block(all)[1]?.endsWith('First with 日本語 in its title') ?? false)
  })

  it('survives a window that is hardly one, and is whole again afterwards', async () => {
    begin()
    const tty = open(['run', '--concurrency', '3'])
    await tty.until((all) => block(all).length === 7)
    for (const [cols, rows] of [
      [24, 4],
      [8, 2],
      [1, 1],
      [100, 30],
    ] as const) {
      const from = tty.raw.length
      tty.resize(cols, rows)
      await tty.until(() => tty.raw.length > from)
    }
    await tty.until((all) => block(all).length === 7)
    go('T001', 'T002', 'T003')
    expect((await tty.exit).exitCode).toBe(0)
    expect(tty.lines().at(-1)).toBe('run done')
    expect(tty.cursorShown).toBe(true)
  })

  it('gives the terminal back on Ctrl-C, says what happens, and exits with 130', async () => {
    begin()
    const tty = open(['run'])
    await tty.until((all) => block(all).some((line) => line.includes('reading')))
    expect(tty.cursorShown).toBe(false)
    tty.type('\u0003')
    expect((await tty.exit).exitCode).toBe(130)
    const all = tty.lines(true)
    expect(all.filter((line) => line.startsWith('Stopping: ending agents'))).toHaveLength(1)
    expect(block(all)).toEqual([])
    expect(tty.cursorShown).toBe(true)
  })

  it('gives the terminal back when it fails, with the error last', async () => {
    begin({ implementer: { '*': [{ sh: `rm -rf "$BELAY_HOME"`, hang: true }] } })
    const tty = open(['run'])
    await tty.until((all) => all.some((line) => line.startsWith('T001  attempt 1')))
    tty.type('\u0003')
    tty.type('\u0003')
    const { exitCode } = await tty.exit
    expect(exitCode).not.toBe(0)
    expect(tty.cursorShown).toBe(true)
  })

  it('uses colours, unless NO_COLOR is set', async () => {
    begin()
    go('T001', 'T002', 'T003')
    // oxlint-disable-next-line no-control-regex -- escape sequences are what this is about
    const colour = /\u001b\[(?:\d+;)*(?:[1-9]|[39]\d)m/
    const plain = open(['run'], { env: { NO_COLOR: '1' } })
    expect((await plain.exit).exitCode).toBe(0)
    expect(plain.raw).toContain('0 of 3 done')
    expect(plain.raw).not.toMatch(colour)
    plain.dispose()
    world.dispose()
    begin()
    go('T001', 'T002', 'T003')
    const coloured = open(['run'])
    expect((await coloured.exit).exitCode).toBe(0)
    expect(coloured.raw).toMatch(colour)
  })

  it.each([
    ['--json', ['--json'], {}],
    ['CI', [], { CI: '1' }],
    ['TERM=dumb', [], { TERM: 'dumb' }],
  ] as const)('draws nothing with %s', async (_, flags, env) => {
    begin()
    go('T001', 'T002', 'T003')
    const tty = open(['run', ...flags], { env })
    expect((await tty.exit).exitCode).toBe(0)
    expect(tty.raw).not.toContain('\u001b')
    expect(tty.raw).not.toContain('0 of 3 done,')
  })

  it('shows a person what is asked, and what holds tasks up', async () => {
    begin({
      implementer: {
        T001: [{ files: { 'a.txt': 'a\n' }, answer: { needsHumanAttention: true } }],
        T002: [{ answer: { status: 'blocked', summary: 'no key' } }],
        T003: [patient('T003')],
      },
    })
    const tty = open(['run', '--concurrency', '3'])
    const lines = await tty.until((all) => /1 waiting, 1 blocked/.test(block(all)[0] ?? '') && block(all).length === 5)
    expect(block(lines)[0]).toContain('0 of 3 done, 1 waiting, 1 blocked')
    expect(block(lines)[3]).toMatch(/^\? T001 {2}waiting +\S* *belay answer cp-\w+: the implementer wants a person/)
    expect(block(lines)[4]).toMatch(/^! T002 {2}blocked +\S* *the implementer says it is blocked: no key/)
    go('T003')
    expect((await tty.exit).exitCode).toBe(4)
  })
})

describe('belay run in a pipe', () => {
  it('prints plain lines', async () => {
    begin()
    go('T001', 'T002', 'T003')
    const { code, stdout, stderr } = await world.belay(['run'])
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).not.toContain('\u001b')
    expect(stderr).toContain('T001  started\n')
    expect(stderr).not.toContain('0 of 3 done,')
  })
})
