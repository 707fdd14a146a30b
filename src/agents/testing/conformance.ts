import { describe, it } from 'vitest'
import type { AgentHarness } from './harness.ts'

/** Runs every rule of the agent port against one adapter, with its real program where it has one. */
export function describeAgentConformance(name: string, harness: AgentHarness): void {
  describe(`agent conformance: ${name}`, () => {
    it.todo(`is being written for ${harness.agent.provider}`)
  })
}
