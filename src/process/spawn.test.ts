import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, vi } from 'vitest'
import { MARK, endMarked, findMarked, findWith, lines, spawnKept, startTimeOf, thisMoment } from './index.ts'
import type { ProcessSpec } from './index.ts'

const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' }

function sh(script: string, more: Partial<ProcessSpec> = {}) {
  const mark = `test/${Math.random().toString(36).slice(2)}`
  return { mark, kept: spawnKept({ argv: ['/bin/sh', '-c', script], cwd: '/tmp', env, stdin: 'none', mark, ...more }) }
}

describe('spawnKept', () => {
  it('keeps stdout and stderr apart and reports the exit code', async () => {
    const { kept } = sh('echo out; echo err >&2; exit 7')
    const [out, err, exit] = await Promise.all([text(kept.stdout), text(kept.stderr), kept.closed])
    expect({ out, err, exit }).toEqual({ out: 'out\n', err: 'err\n', exit: { code: 7, signal: null } })
  })

  it('gives programs pipes that can be opened by path', async () => {
    const { kept } = sh('cat /dev/stdin > /dev/stdout; echo e > /dev/stderr', { stdin: { text: 'hello' } })
    const [out, err] = await Promise.all([text(kept.stdout), text(kept.stderr)])
    expect({ out, err }).toEqual({ out: 'hello', err: 'e\n' })
  })

  it('gives one stream in the order of writing when it is asked for', async () => {
    const { kept } = sh('for i in 1 2 3; do echo out$i; echo err$i >&2; done; exit 5', { merged: true })
    const [out, err, exit] = await Promise.all([text(kept.stdout), text(kept.stderr), kept.closed])
    expect({ out, err }).toEqual({ out: 'out1\nerr1\nout2\nerr2\nout3\nerr3\n', err: '' })
    expect(exit).toEqual({ code: 5, signal: null })
  })

  it.each([true, false])('hands a descriptor on to the program as its 9 (merged: %s)', async (merged) => {
    const folder = mkdtempSync(join(tmpdir(), 'belay-nine-'))
    try {
      writeFileSync(join(folder, 'file'), 'what 9 leads to')
      const file = openSync(join(folder, 'file'), 'r')
      const spec = { argv: ['cat', '/proc/self/fd/9'], cwd: '/tmp', env, stdin: 'none', mark: 'test/nine' } as const
      const kept = spawnKept({ ...spec, merged }, file)
      closeSync(file)
      const [out, , exit] = await Promise.all([text(kept.stdout), text(kept.stderr), kept.closed])
      expect({ out, code: exit.code }).toEqual({ out: 'what 9 leads to', code: 0 })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('reports a signal as a shell does', async () => {
    const { kept } = sh('kill -TERM $$')
    kept.stdout.resume()
    kept.stderr.resume()
    expect(await kept.closed).toEqual({ code: 143, signal: 'SIGTERM' })
  })

  it('is closed also when what is left of its group became another user', async () => {
    const { kept } = sh('read -r _', { stdin: 'open' })
    const kill = vi.spyOn(process, 'kill').mockImplementation((pid) => {
      if (pid !== -kept.identity.pid) throw new Error(`nobody asked for ${pid}`)
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    try {
      const ending = kept.end()
      kept.stdin?.end()
      expect(await ending).toEqual({ code: 1, signal: null })
      expect(kill).toHaveBeenCalledTimes(2)
    } finally {
      kill.mockRestore()
    }
  })

  it('ends what the program leaves behind in its group, even when it holds the output open', async () => {
    const { kept, mark } = sh('sleep 1000 & sleep 1000 >/dev/null 2>&1 & echo done')
    const out = text(kept.stdout)
    kept.stderr.resume()
    expect(await kept.closed).toEqual({ code: 0, signal: null })
    expect(await out).toBe('done\n')
    await endMarked(mark)
    expect(findMarked(mark)).toEqual([])
  })

  it('knows the exit code also when it is too busy to listen while the program ends', async () => {
    const codes: (number | null)[] = []
    const lanes = Array.from({ length: 6 }, async () => {
      for (let i = 0; i < 12; i++) {
        const { kept } = sh('exit 7')
        kept.stdout.resume()
        kept.stderr.resume()
        codes.push((await kept.closed).code)
        // Other programs end at the same time: Node then sees all exits at once, before it reads the status lines.
        const until = performance.now() + 12
        while (performance.now() < until);
      }
    })
    await Promise.all(lanes)
    expect(codes).toEqual(codes.map(() => 7))
  })

  it('ends the whole group on end()', async () => {
    const { kept, mark } = sh('sleep 1000 | sleep 1000')
    kept.stdout.resume()
    kept.stderr.resume()
    expect(await kept.end()).toEqual({ code: null, signal: 'SIGKILL' })
    await endMarked(mark)
    expect(startTimeOf(kept.identity.pid)).toBeNull()
  })

  it('sends nothing to the number of its group once that has ended', async () => {
    const { kept } = sh('exit 3')
    kept.stdout.resume()
    kept.stderr.resume()
    const exit = await kept.closed
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    try {
      expect(await kept.end()).toEqual(exit)
      expect(kill).not.toHaveBeenCalled()
    } finally {
      kill.mockRestore()
    }
  })

  it('finds and ends a daemon that left the group', async () => {
    const { kept, mark } = sh(
      `f=$(mktemp -u); mkfifo $f; setsid sh -c 'echo up >"$0"; exec sleep 1000' $f >/dev/null 2>&1 </dev/null & cat $f; rm $f`,
    )
    kept.stdout.resume()
    kept.stderr.resume()
    await kept.closed
    // Processes killed with the group may still be dying; only the daemon survives.
    await expect.poll(() => findMarked(mark)).toHaveLength(1)
    expect(await endMarked(mark)).toBe(1)
    expect(findMarked(mark)).toEqual([])
  })

  it('hands a stream through when stdin is open', async () => {
    const { kept } = sh('while read -r l; do echo "got $l"; done', { stdin: 'open' })
    kept.stdin?.write('a\n')
    kept.stdin?.end('b\n')
    kept.stderr.resume()
    expect(await text(kept.stdout)).toBe('got a\ngot b\n')
  })
})

describe('findWith since a moment', () => {
  it('finds what was started after it, and looks no further while few were', async () => {
    const before = thisMoment()
    const { kept, mark } = sh('echo up; exec sleep 1000')
    const isIt = (value: string): boolean => value === mark
    try {
      await once(kept.stdout, 'data')
      const all = findMarked(mark)
      expect(all).not.toEqual([])
      expect(new Set(findWith(MARK, isIt, { ...before, at: performance.now() }))).toEqual(new Set(all))
      expect(findWith(MARK, isIt, thisMoment())).toEqual([])
    } finally {
      await kept.end()
    }
  })

  it('looks at all when it was long ago, or the pids may have begun anew', async () => {
    const { kept, mark } = sh('echo up; exec sleep 1000')
    const isIt = (value: string): boolean => value === mark
    try {
      await once(kept.stdout, 'data')
      const now = thisMoment()
      expect(findWith(MARK, isIt, { ...now, at: now.at - 10_000 })).not.toEqual([])
      expect(findWith(MARK, isIt, { ...now, pid: now.pid + 1_000_000 })).not.toEqual([])
      expect(findWith(MARK, isIt, { ...now, pid: now.pid - 1_000_000 })).not.toEqual([])
    } finally {
      await kept.end()
    }
  })
})

describe('lines', () => {
  it('splits at LF only and bounds long lines', async () => {
    const { kept } = sh(`printf 'a\\rb\\342\\200\\250c\\n12345678\\nlast'`)
    kept.stderr.resume()
    const got = []
    for await (const line of lines(kept.stdout, 5)) got.push(line)
    expect(got).toEqual([
      { text: 'a\rb\u2028c', dropped: 0 },
      { text: '12345', dropped: 3 },
      { text: 'last', dropped: 0 },
    ])
  })
})

describe('a burst at the end', () => {
  it('is read whole, however slow the reader', async () => {
    const { kept } = sh('head -c 300000 /dev/zero | tr "\\0" x; echo; echo last')
    kept.stderr.resume()
    let size = 0
    let tail = ''
    for await (const chunk of kept.stdout) {
      size += (chunk as Buffer).length
      tail = (tail + (chunk as Buffer).toString()).slice(-5)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect({ size, tail }).toEqual({ size: 300_006, tail: 'last\n' })
  })
})
