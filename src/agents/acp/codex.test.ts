import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { completed, play, requestIn } from '../testing/play.ts'
import { codexAcpHarness } from './testing/harness.ts'

const skipped = codexAcpHarness.unavailable !== null && process.env['CI'] !== 'true'

it.skipIf(skipped).each(['read-only', 'workspace-write', 'full'] as const)(
  'codex by acp leaves its settings as they are, with access %s',
  { timeout: 300_000 },
  async (access) => {
    const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-settings-')))
    const scene = await codexAcpHarness.start([{ say: 'done' }], workspace)
    try {
      const settings = join(scene.env['CODEX_HOME'] ?? '', 'config.toml')
      const before = readFileSync(settings, 'utf8')
      completed(await play(codexAcpHarness.agent, requestIn(scene, workspace, { access })))
      expect(readFileSync(settings, 'utf8')).toBe(before)
    } finally {
      await scene.close()
      rmSync(workspace, { recursive: true, force: true })
    }
  },
)
