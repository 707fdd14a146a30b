import { resolveProgram } from '../../process/index.ts'
import type { Agent, Probe, TurnEvent, TurnRequest } from '../port.ts'
import { versionOf } from '../probe.ts'
import { failed, runDialogue } from '../stdio/index.ts'
import { AcpDialogue } from './dialogue.ts'
import type { AcpPreset } from './preset.ts'
import { anyPreset, claudePreset, codexPreset, geminiPreset, opencodePreset } from './presets.ts'

/** An agent that speaks ACP, one process per turn. `command` replaces the preset's program. */
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
  // Loaded when it is needed: no other command should wait for it.
  const sdk = await import('@agentclientprotocol/sdk')
  yield* runDialogue(request, new AcpDialogue(request, argv, preset, sdk))
}

async function probe(
  preset: AcpPreset,
  env: Readonly<Record<string, string>>,
  command: readonly string[] | null,
): Promise<Probe> {
  const [program = '', ...args] = command ?? preset.program ?? []
  const path = program === '' ? null : resolveProgram(program, process.cwd(), env.PATH)
  if (path === null) {
    const hint = program === '' ? preset.install : `${JSON.stringify(program)} was not found: ${preset.install}`
    return { installed: false, path: null, version: null, loggedIn: null, hint }
  }
  const loggedIn = preset.loggedIn?.(env) ?? null
  // `gemini --acp` answers `gemini --version`; a program of the user's own is not run with arguments it may not know.
  const version = preset.program === null || command !== null ? null : await versionOf([path, ...args.slice(1)], env)
  const hint = loggedIn === false ? `log in once with ${program} in a terminal, or set the key of its provider` : null
  return { installed: true, path, version, loggedIn, hint }
}

export const acpAnyAgent = acpAgent(anyPreset)
export const geminiAgent = acpAgent(geminiPreset)
export const opencodeAcpAgent = acpAgent(opencodePreset)
export const claudeAcpAgent = acpAgent(claudePreset)
export const codexAcpAgent = acpAgent(codexPreset)
