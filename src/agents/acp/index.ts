export { acpAnyAgent, claudeAcpAgent, codexAcpAgent, geminiAgent, opencodeAcpAgent } from './agent.ts'
