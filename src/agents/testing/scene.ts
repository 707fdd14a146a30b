import { startModelServer, type ModelRequest, type Reply } from '../../../test/support/model-server/index.ts'
import type { Act, Scene, Step } from './harness.ts'

/** Where an agent's program runs: a private environment, and a function that removes it. */
export interface Home {
  readonly env: Readonly<Record<string, string>>
  remove(): void
}

export interface ScenePlan {
  readonly steps: readonly Step[]
  /** The model's reply for an act. */
  readonly reply: (act: Act) => Reply
  /** Called when the model's address is known. */
  readonly home: (url: string) => Home
  readonly command: readonly string[]
  /** Requests that are not part of the script, such as those for titles. */
  readonly isSide?: (request: ModelRequest) => boolean
}

/** Starts a model that plays the steps, for an agent in a private home. */
export async function startScene({ steps, reply, home: makeHome, command, isSide }: ScenePlan): Promise<Scene> {
  const model = await startModelServer({
    steps: steps.map((step) => ({
      reply: reply(step),
      every: step.every ?? false,
      ...(step.expect === undefined ? {} : { expect: step.expect }),
    })),
    ...(isSide === undefined ? {} : { isSide }),
  })
  const home = makeHome(model.url)
  return {
    env: home.env,
    command,
    asked: () => model.requests,
    reached: (index) => model.reached(index),
    async close() {
      try {
        await model.close()
      } finally {
        home.remove()
      }
    },
  }
}
