export {
  asAmount,
  asFrame,
  asList,
  asText,
  capItemText,
  itemEvent,
  jsonOrNull,
  parseFrame,
  rawEvent,
  unknownEvent,
  type Frame,
} from './frames.ts'
export { FrameReader } from './reader.ts'
export { describeExit, failed, runDialogue, type Dialogue, type Ending } from './turn.ts'
