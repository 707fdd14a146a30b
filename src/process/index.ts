export {
  isAlive,
  isStopped,
  startTimeOf,
  thisHost,
  thisProcess,
  type HostIdentity,
  type ProcessIdentity,
} from './identity.ts'
export {
  MARK,
  endAll,
  endEarlier,
  endMarked,
  endStanding,
  findMarked,
  findWith,
  thisMoment,
  killQuietly,
  standingMark,
  taskMark,
} from './leftovers.ts'
export { refuseDeep } from './depth.ts'
export { lines, type Line } from './lines.ts'
export { resolveProgram, spawnKept, type Exit, type KeptProcess, type ProcessSpec } from './spawn.ts'
