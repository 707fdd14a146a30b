/** What the real opencode needs to be driven with a scripted model. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathWithClis } from '../../../../test/support/agent-clis.ts'
import type { Reply } from '../../../../test/support/model-server/index.ts'
import type { Act, Fault } from '../../testing/index.ts'

export interface Home {
  readonly env: Readonly<Record<string, string>>
  remove(): void
}

/** A private home, whose only provider is the scripted model. */
export function opencodeHome(url: string): Home {
  const home = mkdtempSync(join(tmpdir(), 'belay-opencode-'))
  const config = join(home, '.config', 'opencode')
  mkdirSync(config, { recursive: true })
  const model = { cost: { input: 3, output: 15 }, limit: { context: 100_000, output: 10_000 }, tool_call: true }
  const settings = {
    $schema: 'https://opencode.ai/config.json',
    model: 'scripted/m1',
    small_model: 'scripted/m1',
    autoupdate: false,
    share: 'disabled',
    provider: {
      scripted: {
        npm: '@ai-sdk/anthropic',
        options: { baseURL: `${url}/v1`, apiKey: 'scripted' },
        models: { m1: model, m2: model },
      },
    },
  }
  writeFileSync(join(config, 'opencode.json'), JSON.stringify(settings))
  return {
    env: { PATH: pathWithClis(), HOME: home, OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' },
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }),
  }
}

const STATUS: Readonly<Record<Fault, number>> = { rate_limit: 429, quota: 429, auth: 401, provider: 500 }

/** What opencode's model replies for an act. */
export function opencodeReply(act: Act, workspace: string): Reply {
  if ('say' in act) return { say: act.say, pieces: act.pieces ?? 1 }
  if ('answer' in act) return { say: JSON.stringify(act.answer) }
  if ('write' in act) {
    const { path, content } = act.write
    return { calls: [{ name: 'write', input: { filePath: join(workspace, path), content } }] }
  }
  if ('run' in act) return bash(act.run)
  if ('ask' in act) return bash(act.ask)
  // opencode honours the requested delay; its own delays would take a minute.
  if ('fail' in act) {
    const message = 'Your credit balance is too low to access the API'
    const spent = act.fail === 'quota' ? { body: { type: 'error', error: { type: 'rate_limit_error', message } } } : {}
    return { status: STATUS[act.fail], headers: { 'retry-after-ms': '50' }, ...spent }
  }
  return act
}

function bash(command: string): Reply {
  return { calls: [{ name: 'bash', input: { command, description: 'run it' } }] }
}
