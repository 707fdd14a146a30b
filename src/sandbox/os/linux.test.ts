import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBackend } from '../index.ts'
import { cannotRun, makeGround, type Ground } from '../testing/harness.ts'

const why = process.platform === 'linux' ? ((await findBackend('os').probe())?.message ?? null) : 'it is for Linux'

if (why !== null) cannotRun('os on Linux', why)
else {
  describe('os on Linux', () => {
    let ground: Ground
    beforeEach(() => {
      const can = { confine: true, readOnly: true, limits: false, fullNetwork: true, seen: true, git: true }
      ground = makeGround({ backend: 'os', unavailable: null, more: {}, can })
    })
    afterEach(() => ground.clear())

    it('lets through to the hosts of a list, by its proxy and no other way', async () => {
      const server = createServer((_, response) => response.end('reached'))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const url = `http://localhost:${port}/`
      const ask = (more: string): string => `curl -s -m 5 --noproxy '' ${more} ${url} || echo "(no: $?)"`
      try {
        const listed = await ground.open({ network: { mode: 'hosts', hosts: [`localhost:${port}`] } })
        expect((await ground.run(listed, ask(''))).out).toBe('reached')
        const several = await ground.run(listed, `for i in 1 2 3 4 5; do ${ask('')} & done; wait`)
        expect(several.out).toBe('reached'.repeat(5))
        expect((await ground.run(listed, `curl -s -m 5 --noproxy '*' ${url} || echo no`)).out).toBe('no\n')
        const other = await ground.run(listed, `curl -s -o /dev/null -w '%{http_code}' -m 5 http://other.example/`)
        expect(other.out).toBe('403')
        const unlisted = await ground.open({ network: { mode: 'hosts', hosts: ['other.example'] } })
        expect((await ground.run(unlisted, ask('-o /dev/null -w "%{http_code}"'))).out).toBe('403')
      } finally {
        server.close()
      }
    })

    it('refuses what is no host name', async () => {
      await expect(ground.open({ network: { mode: 'hosts', hosts: ['*'] } })).rejects.toMatchObject({
        code: 'sandbox_failed',
      })
    })

    it('shows a program that is installed below /tmp, and nothing beside it', async () => {
      const place = mkdtempSync(join(tmpdir(), 'belay-installed-'))
      const bin = join(place, 'node_modules', '.bin')
      mkdirSync(bin, { recursive: true })
      writeFileSync(join(bin, 'tool'), '#!/bin/sh\necho "$(cat "$(dirname "$0")/../data")"\n', { mode: 0o755 })
      writeFileSync(join(place, 'node_modules', 'data'), 'its own data')
      writeFileSync(join(place, 'beside'), 'not its own')
      try {
        const sandbox = await ground.open()
        const script = `tool; cat ${place}/beside 2>/dev/null || echo unseen; touch ${bin}/x 2>/dev/null || echo read-only`
        const ran = await ground.run(sandbox, script, { env: { PATH: `/tmp:${bin}:/usr/bin:/bin` } })
        expect(ran.out).toBe('its own data\nunseen\nread-only\n')
      } finally {
        rmSync(place, { recursive: true })
      }
    })

    it('lets a program make an unnamed file and name it, but not with the right to run as its owner', async () => {
      const sandbox = await ground.open({})
      const [linkat, atCwd, follow] = [process.arch === 'arm64' ? 37 : 265, -100, 0x400]
      const make = (mode: string): string =>
        `perl -MFcntl -e 'sysopen F, ".", 020000000|O_DIRECTORY|O_RDWR, ${mode} or die "$!\\n"; syswrite F, "kept"; $f = "/proc/self/fd/" . fileno F; $t = "made"; syscall(${linkat}, ${atCwd}, $f, ${atCwd}, $t, ${follow}) == 0 or die "$!\\n"' 2>&1 && cat made`
      expect((await ground.run(sandbox, make('04755'))).out).toBe('Operation not permitted\n')
      // Not every file system has such files.
      expect((await ground.run(sandbox, make('0755'))).out).toMatch(/^(kept|Operation not supported\n)$/)
    })

    it('never looks up what makes the sandbox where the program could have put it', async () => {
      const planted = join(ground.workspace, 'bin')
      mkdirSync(planted)
      for (const name of ['cat', 'bwrap', 'sh', 'socat']) {
        writeFileSync(join(planted, name), `#!/bin/sh\ntouch ${ground.outside}/ran\n`, { mode: 0o755 })
      }
      const sandbox = await ground.open()
      const env = { PATH: `${planted}:/usr/bin:/bin`, LD_PRELOAD: join(planted, 'cat'), LD_LIBRARY_PATH: planted }
      const { out } = await ground.run(sandbox, 'echo "$PATH|$LD_LIBRARY_PATH"', { env, stdin: { text: 'x' } })
      expect(out).toBe(`${planted}:/usr/bin:/bin|${planted}\n`)
      expect(readdirSync(ground.outside)).toEqual([])
    })

    it('removes what a Belay that was killed left', async () => {
      const holder = fileURLToPath(new URL('../testing/holder.ts', import.meta.url))
      const script = 'echo up > up; sleep 60'
      const argument = JSON.stringify({ backend: 'os', workspace: ground.workspace, script, mark: ground.mark() })
      const child = spawn(process.execPath, [holder, argument], { stdio: 'inherit' })
      const left = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith(`belay-os-${child.pid}-`))
      await expect.poll(() => readdirSync(ground.workspace)).toContain('up')
      child.kill('SIGKILL')
      await once(child, 'exit')
      expect(left()).toHaveLength(1)
      await ground.open()
      expect(left()).toEqual([])
    })

    it('keeps the login of an agent that is hidden from others, and nothing beside it', async () => {
      const home = mkdtempSync(join(ground.outside, 'home-'))
      const mine = process.env['HOME']
      for (const name of ['.codex', '.ssh']) {
        mkdirSync(join(home, name))
        writeFileSync(join(home, name, 'key'), name)
      }
      try {
        process.env['HOME'] = home
        const sandbox = await ground.open({ read: [join(home, '.codex')], write: [join(home, '.codex')] })
        const { out } = await ground.run(
          sandbox,
          `cat ${home}/.codex/key ${home}/.ssh/key; echo x > ${home}/.codex/new`,
        )
        expect(out).toBe('.codex')
        expect(readdirSync(join(home, '.codex'))).toEqual(['key', 'new'])
        expect([sandbox.toInside(join(home, '.codex', 'key')), sandbox.toInside(join(home, '.ssh', 'key'))]).toEqual([
          join(home, '.codex', 'key'),
          null,
        ])
      } finally {
        process.env['HOME'] = mine
      }
    })
  })
}
