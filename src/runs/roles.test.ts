import { expect, it } from 'vitest'
import { commandAgent } from '../agents/command/index.ts'
import type { Probe } from '../agents/port.ts'
import type { RoleSetup } from '../programs/shared/role.ts'
import { checkRoles } from './roles.ts'

const config = { budget: { usd: null, tokens: null, wallMs: null, unknownCost: 'allow' } } as const

/** A role whose agent returns these probe results in turn, repeating the last one. */
function role(name: string, answers: readonly Partial<Probe>[]): { setup: RoleSetup; looks: () => number } {
  let looks = 0
  const well: Probe = { installed: true, path: '/bin/agent', version: '1', loggedIn: true, hint: null }
  const probe = async (): Promise<Probe> => ({ ...well, ...answers[Math.min(looks++, answers.length - 1)] })
  const setup = {
    agent: { ...commandAgent, provider: name, probe },
    model: null,
    effort: null,
    access: 'workspace-write',
    timeoutMs: 1000,
    stallMs: 1000,
    env: {},
    command: ['/bin/agent'],
  } as const
  return { setup, looks: () => looks }
}

it('looks once at an agent that two roles share, however often it is asked', async () => {
  const { setup, looks } = role('shared', [{}])
  await checkRoles(config, { implementer: setup, reviewer: setup })
  await checkRoles(config, { implementer: setup, reviewer: setup })
  expect(looks()).toBe(1)
  await checkRoles(config, { implementer: { ...setup, env: { A: 'other' } } })
  expect(looks()).toBe(2)
})

it('looks again at one that was not there or not logged in', async () => {
  const { setup, looks } = role('late', [{ installed: false }, { loggedIn: false }, {}])
  await expect(checkRoles(config, { implementer: setup })).rejects.toMatchObject({ code: 'agent_missing' })
  await expect(checkRoles(config, { implementer: setup })).rejects.toMatchObject({ code: 'agent_not_logged_in' })
  await checkRoles(config, { implementer: setup })
  expect(looks()).toBe(3)
})
