export type { CommandPolicy, CommandQuestion, Decision, Finding, Verdict } from './port.ts'
export { BUILTIN_RULES, createPolicy, policyRules } from './policy.ts'
export { PRESETS, type PolicyConfig, type Preset } from './presets.ts'
export { RULE_GRAMMAR, ruleProblem, type PolicyRules, type RuleTexts } from './rules.ts'
