/** For test files that drive Belay with a scripted model: each test gets a world and a model server. */
import { afterEach, beforeEach } from 'vitest'
import { startModelServer, type ModelServer, type Step } from './model-server/index.ts'
import { reach } from './steps.ts'
import { World } from './world.ts'

export { HOST, MODEL, bash, reach, say } from './steps.ts'

export let world: World
export let model: ModelServer | undefined
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await model?.close()
  model = undefined
  world.dispose()
})

/** Starts the test's model server. It replaces an earlier one, which must have reached the end of its script. */
export async function serve(script: Parameters<typeof startModelServer>[0]): Promise<ModelServer> {
  await model?.close()
  model = await startModelServer(script)
  return model
}

/** Ends the model server; unused steps are no failure. */
export async function endModelEarly(): Promise<void> {
  await model?.close({ unasked: 'allow' })
  model = undefined
}

/** Ends the model server in the middle of its script. */
export async function dropModel(): Promise<void> {
  await model?.close().catch(() => {})
  model = undefined
}

/** A model that follows these steps and that Belay reaches as Anthropic's. */
export async function scripted(...steps: readonly Step[]): Promise<ModelServer> {
  const server = await serve({ steps })
  reach(world, server)
  return server
}
