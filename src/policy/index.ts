export type { CommandPolicy, CommandQuestion, Decision, Verdict } from './port.ts'
export { BUILTIN_RULES, createPolicy, policyRules } from './policy.ts'
export type { PolicyConfig, Preset } from './presets.ts'
export { ruleProblem, type PolicyRules, type RuleTexts } from './rules.ts'
