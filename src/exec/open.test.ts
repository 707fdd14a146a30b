import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { findBackend } from '../sandbox/index.ts'
import { SessionStore } from '../sessions/index.ts'
import { openExec } from './open.ts'

const isConfined = (await findBackend('os').probe()) === null

it.skipIf(!isConfined)('what was opened is closed again when the rest cannot be', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-exec-open-')))
  const before = process.env['TMPDIR']
  try {
    const [home, cwd, temporary] = ['home', 'work', 'temporary'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    for (const one of [cwd, temporary]) mkdirSync(one)
    writeFileSync(join(cwd, 'belay.yaml'), 'workflow: {roles: {implementer: {provider: command, command: [cat]}}}\n')
    process.env['TMPDIR'] = temporary
    const opening = openExec({
      home,
      env: { PATH: process.env['PATH'], HOME: home },
      cwd,
      isolation: { workspace: null, clone: null, collaboration: null, part: null },
      agent: 'command',
      model: null,
      effort: null,
      definition: null,
      access: null,
      sandbox: 'os',
      network: null,
      limits: { timeoutMs: null, stallMs: 1000, maxSteps: null, budgetUsd: null },
      session: null,
      updatePolicy: false,
      purpose: 'test',
      approver: (session) => {
        const change = session.change.bind(session)
        vi.spyOn(session, 'change').mockImplementation((what) =>
          'confinement' in what ? Promise.reject(new Error('no space left')) : change(what),
        )
        return null
      },
      signal: new AbortController().signal,
    })
    await expect(opening).rejects.toThrow('no space left')
    expect(readdirSync(temporary)).toEqual([])
    expect(await new SessionStore(home).list()).toEqual([])
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    rmSync(folder, { recursive: true, force: true })
  }
})
