import { describe, expect, it } from 'vitest'
import { randomId } from '../core/ids.ts'
import { endMarked, findMarked, spawnKept } from '../process/index.ts'
import { runCommand, shellArgv, type CommandSpec } from './command.ts'
import { HEAD_BYTES, OutputCapture, TAIL_BYTES } from './output.ts'
import { cleanEnv } from './testing/world.ts'

function command(run: string | readonly string[], more: Partial<CommandSpec> = {}): CommandSpec {
  const signal = new AbortController().signal
  return {
    argv: shellArgv(run),
    cwd: '/tmp',
    env: cleanEnv(),
    timeoutMs: 60_000,
    mark: `cmd/${randomId(8)}`,
    signal,
    ...more,
  }
}

describe('runCommand', () => {
  it('ends a command that was still being started when it was aborted', async () => {
    const stop = new AbortController()
    const spawn: CommandSpec['spawn'] = async (spec) => {
      const kept = spawnKept(spec)
      stop.abort()
      return kept
    }
    expect(await runCommand(command('sleep 1000', { spawn, signal: stop.signal }))).toMatchObject({ cut: 'abort' })
  })

  it('keeps stdout and stderr in the order in which they were written', async () => {
    const got = await runCommand(command('for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; exit 3'))
    expect(got.head).toBe([1, 2, 3, 4, 5].map((i) => `out ${i}\nerr ${i}\n`).join(''))
    expect(got).toMatchObject({ exit: { code: 3, signal: null }, timedOut: false, cut: null, tail: '', bytes: 60 })
  })

  it('passes arguments of a list as they are', async () => {
    const got = await runCommand(command(['printf', '%s|', 'a b', '$HOME', "it's"]))
    expect(got.head).toBe("a b|$HOME|it's|")
  })

  it('ends the whole group at the time limit and keeps what was said', async () => {
    const spec = command('echo begun; sleep 1000 & sleep 1000', { timeoutMs: 5000 })
    const got = await runCommand(spec)
    expect(got).toMatchObject({
      timedOut: true,
      cut: 'timeout',
      head: 'begun\n',
      exit: { code: null, signal: 'SIGKILL' },
    })
    await endMarked(spec.mark)
    expect(findMarked(spec.mark)).toEqual([])
  })

  it('ends on abort, also when the signal was aborted before', async () => {
    const abort = new AbortController()
    const running = runCommand(command('echo ready; sleep 1000', { signal: abort.signal, onLine: () => abort.abort() }))
    expect(await running).toMatchObject({ cut: 'abort', timedOut: false, head: 'ready\n' })
    expect(await runCommand(command('echo never', { signal: abort.signal }))).toMatchObject({ cut: 'abort', bytes: 0 })
  })

  it('says what is missing instead of failing', async () => {
    expect(await runCommand(command(['no-such-program-here']))).toMatchObject({
      missing: 'program',
      exit: { code: 127 },
    })
    expect(await runCommand(command('true', { cwd: '/no/such/folder' }))).toMatchObject({
      missing: 'folder',
      exit: { code: null },
    })
  })

  it('ends a flood at the limit without growing', async () => {
    const before = process.memoryUsage().rss
    const got = await runCommand(command('yes "a line of a test that went mad"', { outputLimit: 300 << 20 }))
    expect(got.cut).toBe('output')
    expect(got.bytes).toBeGreaterThan(300 << 20)
    expect(Buffer.byteLength(got.head) + Buffer.byteLength(got.tail)).toBeLessThanOrEqual(HEAD_BYTES + TAIL_BYTES)
    expect(process.memoryUsage().rss - before).toBeLessThan(150 << 20)
  })
})

describe('OutputCapture', () => {
  it('does not mix two streams inside a line', () => {
    const seen: string[] = []
    const capture = new OutputCapture((line) => seen.push(line))
    const [a, b] = [capture.stream(), capture.stream()]
    a(Buffer.from('one '))
    b(Buffer.from('two\nthr'))
    a(Buffer.from('line\n'))
    b(Buffer.from('ee\r\nfour'))
    expect(capture.finish()).toEqual({ head: 'two\none line\nthree\r\nfour', tail: '', bytes: 24 })
    expect(seen).toEqual(['two', 'one line', 'three', 'four'])
  })

  it('keeps exactly the first and the last bytes, and cuts no character', () => {
    const text = 'é€😀'.repeat(20_000)
    const capture = new OutputCapture()
    const write = capture.stream()
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 1001) write(bytes.subarray(at, at + 1001))
    const { head, tail, bytes: total } = capture.finish()
    expect(total).toBe(bytes.length)
    expect(text.startsWith(head)).toBe(true)
    expect(text.endsWith(tail)).toBe(true)
    expect(head + tail).not.toContain('\uFFFD')
    expect(Buffer.byteLength(head)).toBeGreaterThan(HEAD_BYTES - 4)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(TAIL_BYTES - 4)
  })

  it('looks at the beginning of a very long line only', () => {
    const seen: number[] = []
    const capture = new OutputCapture((line) => seen.push(line.length))
    const write = capture.stream()
    for (let i = 0; i < 100; i++) write(Buffer.alloc(64 * 1024, 'x'))
    write(Buffer.from('\nshort\n'))
    capture.finish()
    expect(seen).toEqual([16 * 1024, 5])
  })
})
