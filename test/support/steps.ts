/** The steps of a scripted model, and how the engine reaches it as Anthropic's. */
import type { ModelServer, Step } from './model-server/index.ts'
import type { World } from './world.ts'

export const MODEL = ['--model', 'anthropic/claude-sonnet-5'] as const
export const HOST = ['--sandbox', 'host'] as const

/** Lets everything that the user starts from now on call this model. */
export function reach({ env }: World, { url }: ModelServer): void {
  Object.assign(env, { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: 'test-key' })
}

/** The model calls the engine's shell tool, once per command. */
export function bash(...commands: readonly string[]): Step {
  return { reply: { calls: commands.map((command) => ({ name: 'bash', input: { command } })) } }
}

/** The model ends the turn with this text, streamed in `pieces` parts. */
export function say(text: string, pieces = 1): Step {
  return { reply: { say: text, pieces } }
}
