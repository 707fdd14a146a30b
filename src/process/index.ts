export { isAlive, startTimeOf, thisHost, thisProcess, type HostIdentity, type ProcessIdentity } from './identity.ts'
export { MARK, endMarked, findMarked, killQuietly } from './leftovers.ts'
export { lines, type Line } from './lines.ts'
export { resolveProgram, spawnKept, type Exit, type KeptProcess, type ProcessSpec } from './spawn.ts'
