/** The policy: rules in layers, ready to judge. */
import { BUILTIN, BUILTIN_READERS, BUILTIN_READ_ONLY } from './builtin.ts'
import { ownSurroundings, readLink, type Surroundings } from './places.ts'
import type { CommandPolicy } from './port.ts'
import { presetRules, type PolicyConfig } from './presets.ts'
import { judge } from './judge.ts'
import { rulesFrom, type PolicyRules } from './rules.ts'

/** The rules that are always in force; without a configuration there are no others. */
export const BUILTIN_RULES: PolicyRules = {
  own: [],
  presets: [],
  builtin: BUILTIN,
  readOnly: BUILTIN_READ_ONLY,
  readers: BUILTIN_READERS,
  strict: false,
}

/** The built-in rules plus those of a configuration. Undefined (a run of an older Belay): only the built-in ones. */
export function policyRules(config: PolicyConfig | undefined): PolicyRules {
  if (config === undefined) return BUILTIN_RULES
  return {
    ...BUILTIN_RULES,
    own: rulesFrom(config.commands, 'policy', 'policy.commands'),
    presets: presetRules(config.presets),
    strict: config.presets.includes('strict'),
  }
}

/**
 * A policy with these rules. `judge` never throws, takes bounded time, and reads nothing but symbolic links on the paths in the
 * command. `places` replaces this machine's in tests.
 */
export function createPolicy(
  rules: PolicyRules = BUILTIN_RULES,
  places: Partial<Omit<Surroundings, 'workspace'>> = {},
): CommandPolicy {
  const around = { ...ownSurroundings(), readLink, ...places }
  return { judge: (question) => judge(question, rules, { ...around, workspace: question.workspace }) }
}
