import { resolveProgram } from '../../process/index.ts'
import type { Agent, Probe, TurnEvent, TurnRequest } from '../port.ts'
import { probeProgram } from '../probe.ts'
import { failed, runDialogue } from '../stdio/index.ts'
import { AcpDialogue } from './dialogue.ts'
import type { AcpPreset } from './preset.ts'
import { anyPreset, claudePreset, codexPreset, geminiPreset, opencodePreset } from './presets.ts'

/** An agent that speaks ACP, with one process per turn. `command` replaces the preset's program. */
function acpAgent(preset: AcpPreset): Agent {
  return {
    provider: preset.provider,
    capabilities: {
      structuredOutput: false,
      resume: true,
      interrupt: true,
      quota: false,
      approvals: true,
      steer: false,
      efforts: [],
      ...preset.capabilities,
    },
    ...(preset.ownPaths ? { ownPaths: preset.ownPaths } : {}),
    ...(preset.guessesPaths ? { guessesPaths: preset.guessesPaths } : {}),
    probe: (env, command) => probe(preset, env, command),
    turn: (request) => turn(preset, request),
  }
}

async function* turn(preset: AcpPreset, request: TurnRequest): AsyncGenerator<TurnEvent> {
  const argv = request.command ?? preset.program
  if (argv === null || argv.length === 0) {
    yield { type: 'end', end: failed('spawn', `no program is named: ${preset.install}`) }
    return
  }
  // Imported here so that no other command has to load the SDK.
  const sdk = await import('@agentclientprotocol/sdk')
  yield* runDialogue(request, new AcpDialogue(request, argv, preset, sdk))
}

function probe(
  preset: AcpPreset,
  env: Readonly<Record<string, string>>,
  command: readonly string[] | null,
): Promise<Probe> {
  const { program, install, tested = '', mayNotTell = false, login = '' } = preset
  const loggedIn = (given: typeof env): boolean | null => preset.loggedIn?.(given) ?? null
  if (program !== null && command === null) {
    return probeProgram({ argv: program, install, tested, mayNotTell, loggedIn, login }, env, null)
  }
  // The user's own program may not know the arguments of a probe, so it is not run.
  const [name = ''] = command ?? []
  const path = name === '' ? null : resolveProgram(name, process.cwd(), env.PATH)
  const known = path === null ? null : loggedIn(env)
  const missing = name === '' ? install : `${JSON.stringify(name)} was not found: ${install}`
  const hint = path === null ? missing : known === false ? login : null
  return Promise.resolve({ installed: path !== null, path, version: null, loggedIn: known, hint })
}

export const acpAnyAgent = acpAgent(anyPreset)
export const geminiAgent = acpAgent(geminiPreset)
export const opencodeAcpAgent = acpAgent(opencodePreset)
export const claudeAcpAgent = acpAgent(claudePreset)
export const codexAcpAgent = acpAgent(codexPreset)
