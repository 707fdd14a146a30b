import { afterEach } from 'vitest'
import { BatchWorld } from './batch-world.ts'

export let world: BatchWorld
afterEach(() => world.dispose())

export function start(turns: ConstructorParameters<typeof BatchWorld>[0] = {}): BatchWorld {
  world = new BatchWorld(turns)
  return world
}
