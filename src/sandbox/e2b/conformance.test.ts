import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findBackend, openSandbox, sandboxRemarks } from '../index.ts'
import { describeSandboxConformance } from '../testing/conformance.ts'
import { startFakeE2b } from '../testing/e2b-server.ts'
import { ranOf } from '../testing/harness.ts'

const unavailable = (await findBackend('os').probe())?.message ?? null
const fake = await startFakeE2b()
process.env['E2B_API_KEY'] = 'e2b_right'
process.env['E2B_API_URL'] = fake.url
process.env['E2B_SANDBOX_URL'] = fake.url
afterAll(() => fake.close())

describeSandboxConformance({
  backend: 'e2b',
  unavailable,
  more: {},
  can: {
    confine: true,
    readOnly: true,
    limits: false,
    fullNetwork: false,
    seen: false,
    git: false,
    endsAtOnce: false,
  },
})

describe.runIf(unavailable === null)('e2b', () => {
  const { signal } = new AbortController()

  it('asks for a machine without internet that ends a minute after Belay does, and ends it itself', async () => {
    const workspace = mkdtempSync(join(tmpdir(), 'belay-e2b-ws-'))
    const before = fake.living()
    const { sandbox } = await openSandbox('e2b', { access: 'full', workspace, image: 'mine' }, signal)
    expect(fake.asked.at(-1)).toMatchObject({
      path: '/v2/sandboxes',
      key: 'e2b_right',
      body: { templateID: 'mine', timeout: 60, allow_internet_access: false },
    })
    expect(fake.living()).toBe(before + 1)
    await sandbox.close()
    expect(fake.living()).toBe(before)
    rmSync(workspace, { recursive: true })
  })

  it('carries files, folders, links and removals both ways, never .git, and puts nothing outside', async () => {
    const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-e2b-ws-')))
    const outside = realpathSync(mkdtempSync(join(tmpdir(), 'belay-e2b-out-')))
    mkdirSync(join(workspace, '.git'))
    writeFileSync(join(workspace, '.git', 'config'), 'mine')
    writeFileSync(join(workspace, 'gone'), 'x')
    mkdirSync(join(workspace, 'folder'))
    writeFileSync(join(workspace, 'folder', 'a'), 'a')
    const { sandbox } = await openSandbox('e2b', { access: 'workspace-write', workspace }, signal)
    const run = async (script: string) =>
      ranOf(
        await sandbox.spawn({ argv: ['/bin/sh', '-c', script], cwd: workspace, env: {}, stdin: 'none', mark: 'e2b' }),
      )
    const script = `rm gone; rm -r folder; ln -s ${outside} folder; printf tool > tool; chmod 6755 tool; mkdir .git; echo evil > .git/config; mkdir -p n/.git; echo evil > n/.git/config; echo x > n/b; mkfifo pipe; ls`
    expect((await run(script)).err).toBe('')
    expect(existsSync(join(workspace, 'gone'))).toBe(false)
    expect(lstatSync(join(workspace, 'folder')).isSymbolicLink()).toBe(true)
    expect(lstatSync(join(workspace, 'tool')).mode & 0o7777).toBe(0o755)
    expect(readFileSync(join(workspace, '.git', 'config'), 'utf8')).toBe('mine')
    expect([existsSync(join(workspace, 'n', '.git')), existsSync(join(workspace, 'pipe'))]).toEqual([false, false])
    await run('rm folder; mkdir folder; echo in > folder/planted')
    expect(readFileSync(join(workspace, 'folder', 'planted'), 'utf8')).toBe('in\n')
    expect(existsSync(join(outside, 'planted'))).toBe(false)
    writeFileSync(join(workspace, 'later'), 'from here')
    expect((await run('cat later')).out).toBe('from here')
    await sandbox.close()
    for (const folder of [workspace, outside]) rmSync(folder, { recursive: true })
  })

  it('keeps what is made and changed here while a program runs, and tells what both have changed', async () => {
    const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-e2b-ws-')))
    for (const name of ['mine', 'both', 'theirs', 'gone']) writeFileSync(join(workspace, name), 'before')
    const { sandbox } = await openSandbox('e2b', { access: 'workspace-write', workspace }, signal)
    const start = (script: string) =>
      sandbox.spawn({ argv: ['/bin/sh', '-c', script], cwd: workspace, env: {}, stdin: 'open', mark: 'e2b' })
    const kept = await start('echo there > both; echo there > theirs; rm mine gone; echo up; cat')
    await once(kept.stdout, 'data')
    for (const name of ['mine', 'both', 'new']) writeFileSync(join(workspace, name), 'here')
    kept.stdin?.end()
    expect((await ranOf(kept)).err).toBe('')
    const read = (name: string): string => readFileSync(join(workspace, name), 'utf8')
    expect(readdirSync(workspace).sort()).toEqual(['both', 'both.from-sandbox', 'mine', 'new', 'theirs'])
    expect(['mine', 'both', 'new', 'theirs', 'both.from-sandbox'].map(read)).toEqual([
      'here',
      'here',
      'here',
      'there\n',
      'there\n',
    ])
    const next = await start('cat mine both new')
    next.stdin?.end()
    expect((await ranOf(next)).out).toBe('hereherehere')
    await sandbox.close()
    expect(sandboxRemarks(sandbox)).toEqual([
      `${join(workspace, 'mine')} was deleted in the sandbox, but changed here meanwhile: it was kept`,
      `${join(workspace, 'both')} was changed here and in the sandbox: yours was kept, the sandbox's is ${join(workspace, 'both.from-sandbox')}`,
    ])
    rmSync(workspace, { recursive: true })
  })

  it('says why there is no machine', async () => {
    const workspace = mkdtempSync(join(tmpdir(), 'belay-e2b-ws-'))
    process.env['E2B_API_KEY'] = 'e2b_wrong'
    await expect(openSandbox('e2b', { access: 'full', workspace }, signal)).rejects.toMatchObject({
      code: 'sandbox_failed',
      message: expect.stringContaining('the key is not right') as string,
    })
    delete process.env['E2B_API_KEY']
    await expect(openSandbox('e2b', { access: 'full', workspace }, signal)).rejects.toMatchObject({
      code: 'sandbox_unavailable',
    })
    process.env['E2B_API_KEY'] = 'e2b_right'
    const refused = { access: 'full', workspace, network: { mode: 'hosts', hosts: ['a.example'] } } as const
    await expect(openSandbox('e2b', refused, signal)).rejects.toMatchObject({ code: 'sandbox_unenforceable' })
    rmSync(workspace, { recursive: true })
  })
})
