import { expect, it } from 'vitest'
import { AGENTS } from '../agents/registry.ts'
import { PROVIDERS } from '../config/index.ts'

it('configures exactly the agents that there are, with efforts that they take', () => {
  expect(Object.keys(PROVIDERS)).toEqual(AGENTS.map(({ provider }) => provider))
  for (const { provider, capabilities } of AGENTS) {
    const { efforts } = PROVIDERS[provider as keyof typeof PROVIDERS]
    expect(capabilities.efforts, provider).toEqual(expect.arrayContaining([...efforts]))
    expect(efforts.length > 0, provider).toBe(capabilities.efforts.length > 0)
  }
})
