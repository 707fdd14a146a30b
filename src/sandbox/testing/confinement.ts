import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Stage } from './harness.ts'

const none = { cpus: null, memoryBytes: null, pids: null, diskBytes: null }

/** What a policy forbids is impossible. test/escape tries ways around it. */
export function describeConfinement({ harness, ground }: Stage): void {
  describe('confinement', () => {
    it('says that it confines', async () => {
      expect((await ground().open()).confined).toBe(true)
    })

    it.runIf(harness.can.readOnly)(
      'read-only: nothing of the workspace changes, and there is room for temporary files',
      async () => {
        const { workspace } = ground()
        writeFileSync(join(workspace, 'a'), '1')
        const sandbox = await ground().open({ access: 'read-only' })
        const ran = await ground().run(
          sandbox,
          'cat a; echo 2 > a; rm a; echo x > b; mkdir c; echo t > /tmp/t && cat /tmp/t',
        )
        expect(ran.out).toBe('1t\n')
        expect([readFileSync(join(workspace, 'a'), 'utf8'), existsSync(join(workspace, 'b'))]).toEqual(['1', false])
      },
    )

    it('workspace-write: outside nothing changes', async () => {
      const { outside } = ground()
      writeFileSync(join(outside, 'a'), '1')
      const sandbox = await ground().open()
      await ground().run(sandbox, `echo 2 > ${outside}/a; echo x > ${outside}/b; rm ${outside}/a`)
      expect([readFileSync(join(outside, 'a'), 'utf8'), existsSync(join(outside, 'b'))]).toEqual(['1', false])
    })

    it('writes where the policy says, besides the workspace', async () => {
      const { outside } = ground()
      const more = join(outside, 'more')
      mkdirSync(more)
      const sandbox = await ground().open({ write: [more] })
      const ran = await ground().run(sandbox, `echo x > '${sandbox.toInside(more)}/b' && echo done`)
      expect([ran.out, readFileSync(join(more, 'b'), 'utf8')]).toEqual(['done\n', 'x\n'])
    })

    it('hides what the policy says, but not what it says is to be read', async () => {
      const { workspace, outside } = ground()
      for (const folder of [workspace, outside]) {
        mkdirSync(join(folder, 'hidden', 'shown'), { recursive: true })
        writeFileSync(join(folder, 'hidden', 'secret'), 'secret')
        writeFileSync(join(folder, 'hidden', 'shown', 'fact'), 'fact;')
        writeFileSync(join(folder, 'key'), 'secret')
      }
      const sandbox = await ground().open({
        denyRead: [workspace, outside].flatMap((folder) => [join(folder, 'hidden'), join(folder, 'key')]),
        read: [join(outside, 'hidden', 'shown')],
      })
      const look = `cat ${sandbox.toInside(workspace)}/key hidden/secret ${outside}/key ${outside}/hidden/secret; cat ${sandbox.toInside(join(outside, 'hidden', 'shown')) ?? '/none'}/fact`
      expect((await ground().run(sandbox, look)).out).toBe('fact;')
    })

    it('has no way to a service of this machine', async () => {
      const server = createServer((_, response) => response.end('reached'))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      const ask = `{ printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1; } | { nc -w 2 127.0.0.1 ${port} || busybox nc -w 2 127.0.0.1 ${port}; }; curl -s -m 2 http://127.0.0.1:${port}; echo over`
      try {
        const shut = await ground().open()
        expect((await ground().run(shut, ask)).out).toBe('over\n')
        if (!harness.can.fullNetwork) return
        const open = await ground().open({ network: { mode: 'full' } })
        expect((await ground().run(open, ask)).out).toContain('reached')
      } finally {
        server.close()
      }
    })

    it.runIf(harness.can.limits)('keeps to limits on processes and memory', async () => {
      const sandbox = await ground().open({
        resources: { cpus: 0.5, memoryBytes: 96 << 20, pids: 24, diskBytes: null },
      })
      const many = 'n=0; while [ $n -lt 60 ]; do sleep 5 & n=$((n+1)); done; echo all'
      expect((await ground().run(sandbox, many)).out).not.toContain('all')
      // tail buffers what it reads until a line ends.
      const much = await ground().run(sandbox, 'head -c 400000000 /dev/zero | tail -c 300000000 | wc -c')
      expect(much.out.trim()).not.toBe('300000000')
      const fits = await ground().run(sandbox, 'head -c 4000000 /dev/zero | tail -c 3000000 | wc -c')
      expect(fits.out.trim()).toBe('3000000')
    })

    it('refuses a limit on disk space, which it cannot keep', async () => {
      await expect(ground().open({ resources: { ...none, diskBytes: 1 << 20 } })).rejects.toMatchObject({
        code: 'sandbox_unenforceable',
      })
    })
  })
}
