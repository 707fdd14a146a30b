import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { MARK } from '../../process/index.ts'
import { PATH, ranOf, type Stage } from './harness.ts'

/** Tests of how programs run inside: as `spawnKept` runs them. */
export function describePrograms({ ground }: Stage): void {
  describe('programs', () => {
    it('keeps stdout and stderr apart and reports the exit code', async () => {
      const sandbox = await ground().open()
      expect(await ground().run(sandbox, 'echo out; echo err >&2; exit 7')).toEqual({
        out: 'out\n',
        err: 'err\n',
        exit: { code: 7, signal: null },
      })
    })

    it('reports a signal as a shell does', async () => {
      const sandbox = await ground().open()
      const { exit } = await ground().run(sandbox, 'kill -TERM $$; sleep 60')
      expect(exit).toEqual({ code: 143, signal: 'SIGTERM' })
    })

    it('hands over text on stdin, then end of file; none is an empty one', async () => {
      const sandbox = await ground().open()
      const said = 'ä\u2028 line\n'.repeat(5000)
      const given = await ground().run(sandbox, 'cat', { stdin: { text: said } })
      expect(given.out === said).toBe(true)
      expect((await ground().run(sandbox, 'cat; echo over')).out).toBe('over\n')
    })

    it('hands a stream through while the program answers', async () => {
      const sandbox = await ground().open()
      const kept = await ground().start(sandbox, 'while read -r line; do echo "got $line"; done; echo over', {
        stdin: 'open',
      })
      const answers = kept.stdout[Symbol.asyncIterator]()
      kept.stdin?.write('a\n')
      expect(String((await answers.next()).value)).toBe('got a\n')
      kept.stdin?.end('b\n')
      let rest = ''
      for (let next = await answers.next(); !next.done; next = await answers.next()) rest += String(next.value)
      kept.stderr.resume()
      expect(rest).toBe('got b\nover\n')
      expect(await kept.closed).toEqual({ code: 0, signal: null })
    })

    it('streams much output whole', async () => {
      const sandbox = await ground().open()
      const kept = await ground().start(sandbox, 'head -c 20000000 /dev/zero | tr "\\0" x; echo end >&2')
      const hash = createHash('sha256')
      let size = 0
      const err = text(kept.stderr)
      for await (const chunk of kept.stdout) {
        size += (chunk as Buffer).length
        hash.update(chunk as Buffer)
      }
      const whole = createHash('sha256').update('x'.repeat(20_000_000)).digest('hex')
      expect([size, hash.digest('hex') === whole, await err]).toEqual([20_000_000, true, 'end\n'])
    })

    it('has exactly the environment that it is given, and its mark', async () => {
      process.env['BELAY_TEST_SECRET'] = 'inherited'
      const sandbox = await ground().open()
      const odd = `two\nlines 'and' "quotes" $HOME`
      const mark = ground().mark()
      const ran = await ground().run(sandbox, 'printf "%s|%s|%s" "$ODD" "$BELAY_TASK" "${BELAY_TEST_SECRET-none}"', {
        env: { PATH, ODD: odd },
        mark,
      })
      delete process.env['BELAY_TEST_SECRET']
      expect(ran.out).toBe(`${odd}|${mark}|none`)
      expect(MARK).toBe('BELAY_TASK')
    })

    it('takes arguments as they are', async () => {
      const sandbox = await ground().open()
      const words = ['a b', '', `it's "x"`, '$(id)', '*', 'two\nlines', '--', '-n']
      const argv = ['/bin/sh', '-c', 'for word; do printf "<%s>" "$word"; done', 'sh', ...words]
      const { out } = await ranOf(await ground().start(sandbox, '', { argv }))
      expect(out).toBe(words.map((word) => `<${word}>`).join(''))
    })

    it('works in the folder that it is told, and sees the workspace where the mapping says', async () => {
      const { workspace } = ground()
      const folder = join(workspace, 'deep', 'er')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'in'), 'from the host')
      const sandbox = await ground().open()
      const ran = await ground().run(sandbox, 'pwd; cat in; printf made > out', { cwd: folder })
      expect(ran.out).toBe(`${sandbox.toInside(folder)}\nfrom the host`)
      expect(sandbox.toHost(sandbox.toInside(folder) ?? '')).toBe(folder)
      expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('made')
    })

    it('runs a program of the workspace by its path', async () => {
      const { workspace } = ground()
      const tool = join(workspace, 'tool.sh')
      writeFileSync(tool, '#!/bin/sh\necho "tool $1"\n', { mode: 0o755 })
      const sandbox = await ground().open()
      expect((await ranOf(await ground().start(sandbox, '', { argv: [tool, 'x'] }))).out).toBe('tool x\n')
    })

    it('fails for a program that is not there, and goes on', async () => {
      const sandbox = await ground().open()
      const { exit } = await ranOf(await ground().start(sandbox, '', { argv: ['/bin/no-such-program'] }))
      expect(exit.code).not.toBe(0)
      expect((await ground().run(sandbox, 'echo still')).out).toBe('still\n')
    })

    it('starts one while another is about to end', async () => {
      const sandbox = await ground().open()
      const waves = Array.from({ length: 8 }, (_, n) => ground().run(sandbox, `sleep 0.0${n}; echo ${n}`))
      const later = waves.map(async (wave) => {
        await wave
        return ground().run(sandbox, 'echo later')
      })
      expect((await Promise.all(later)).map(({ out }) => out)).toEqual(waves.map(() => 'later\n'))
    })

    it('runs several at a time without mixing them up', async () => {
      const sandbox = await ground().open()
      const all = [1, 2, 3, 4].map((n) => ground().run(sandbox, `sleep 0.${n}; echo ${n}; exit ${n}`))
      expect((await Promise.all(all)).map(({ out, exit }) => [out, exit.code])).toEqual(
        [1, 2, 3, 4].map((n) => [`${n}\n`, n]),
      )
    })
  })
}
