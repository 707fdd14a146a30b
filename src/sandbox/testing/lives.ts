import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findMarked, isAlive } from '../../process/index.ts'
import type { Stage } from './harness.ts'

/** A script that appends to a file as long as it lives. */
const BEATS = (file: string): string => `while :; do echo x >> ${file}; sleep 0.05; done`

/** Whether nothing appends any more: the file stays unchanged for much longer than one beat. */
async function isStill(file: string): Promise<boolean> {
  const size = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  const before = size()
  await new Promise((resolve) => setTimeout(resolve, 400))
  return size() === before
}

/** Tests of when programs inside end. */
export function describeLives({ harness, ground }: Stage): void {
  describe('lives', () => {
    it('ends a program with all it started on end()', async () => {
      const sandbox = await ground().open()
      const file = join(ground().workspace, 'beats')
      const kept = await ground().start(sandbox, `(${BEATS('beats')}) & echo up; ${BEATS('beats')}`)
      kept.stderr.resume()
      await once(kept.stdout, 'data')
      kept.stdout.resume()
      const exit = await kept.end()
      expect(exit.code === null || exit.code === 137).toBe(true)
      await expect.poll(() => isStill(file)).toBe(true)
    })

    it.runIf(harness.can.confine)('ends a daemon that left its group when its command is over', async () => {
      const sandbox = await ground().open()
      const file = join(ground().workspace, 'beats')
      const daemon = `setsid sh -c '${BEATS('beats')}' </dev/null >/dev/null 2>&1 & until [ -s beats ]; do :; done; echo up`
      expect((await ground().run(sandbox, daemon)).out).toBe('up\n')
      await expect.poll(() => isStill(file)).toBe(true)
    })

    it('ends everything on close(), which can be repeated; nothing starts afterwards', async () => {
      const sandbox = await ground().open()
      const file = join(ground().workspace, 'beats')
      const kept = await ground().start(sandbox, `echo up; ${BEATS('beats')}`)
      kept.stderr.resume()
      await once(kept.stdout, 'data')
      kept.stdout.resume()
      await sandbox.close()
      await kept.closed
      await expect.poll(() => isStill(file)).toBe(true)
      await sandbox.close()
      await expect(ground().run(sandbox, 'echo no')).rejects.toThrow('closed')
    })

    it.runIf(harness.can.seen)('shows its processes by their mark, and the one it names lives', async () => {
      const sandbox = await ground().open()
      const mark = ground().mark()
      const kept = await ground().start(sandbox, 'echo up; sleep 60', { mark })
      kept.stderr.resume()
      await once(kept.stdout, 'data')
      expect(findMarked(mark).length).toBeGreaterThan(0)
      expect(isAlive(kept.identity)).toBe(true)
      await kept.end()
      await expect.poll(() => findMarked(mark)).toEqual([])
    })

    it.runIf(harness.can.endsAtOnce !== false)('ends everything when Belay is killed', async () => {
      const file = join(ground().workspace, 'beats')
      const holder = fileURLToPath(new URL('holder.ts', import.meta.url))
      const daemon = harness.can.confine ? `setsid sh -c '${BEATS('beats')}' </dev/null >/dev/null 2>&1 & ` : ''
      const script = `${daemon}${BEATS('beats')}`
      const argument = JSON.stringify({
        ...harness.more,
        backend: harness.backend,
        workspace: ground().workspace,
        script,
        mark: ground().mark(),
      })
      const child = spawn(process.execPath, [holder, argument], { stdio: ['ignore', 'inherit', 'inherit'] })
      const gone = once(child, 'exit')
      await expect.poll(() => existsSync(file)).toBe(true)
      child.kill('SIGKILL')
      await gone
      await expect.poll(() => isStill(file)).toBe(true)
    })
  })
}
