/** A user's repository with real agents whose model is scripted. */
import { claudeEnv } from '../../src/agents/claude/testing/harness.ts'
import { codexHome, type CodexHome } from '../../src/agents/codex/testing/harness.ts'
import { pathWithClis } from '../support/agent-clis.ts'
import { startModelServer, type ModelServer, type Step } from '../support/model-server/index.ts'
import { World } from '../support/world.ts'
import type { Provider } from './players.ts'

export interface StageOptions {
  readonly steps: readonly Step[]
  readonly implementer: Provider
  readonly reviewer: Provider
  readonly login?: 'plan' | 'key'
}

export class Stage {
  readonly world: World
  readonly model: ModelServer
  readonly #home: CodexHome

  private constructor(world: World, model: ModelServer, home: CodexHome) {
    this.world = world
    this.model = model
    this.#home = home
  }

  /** Starts the model and makes a repository with a configuration; nothing is committed yet. */
  static async open(options: StageOptions): Promise<Stage> {
    const model = await startModelServer({ steps: options.steps })
    const home = codexHome(model.url)
    const world = new World()
    const { PATH: _path, HOME: _home, ...codex } = home.env
    Object.assign(world.env, claudeEnv(model.url, options.login ?? 'key'), codex, { PATH: pathWithClis() })
    const stage = new Stage(world, model, home)
    stage.#roles(options)
    return stage
  }

  #roles({ implementer, reviewer }: StageOptions): void {
    this.world.files({
      'belay.yaml': [
        'verify:',
        '  commands:',
        '    - {run: sh check.sh, name: check}',
        'workflow:',
        '  roles:',
        `    implementer: {provider: ${implementer}}`,
        `    reviewer: {provider: ${reviewer}}`,
        '',
      ].join('\n'),
      // Fails once answer.txt is there and wrong, with an exit status and output that the next prompt must hold.
      'check.sh': `test ! -f answer.txt || grep -qx 42 answer.txt || { echo "the answer is $(cat answer.txt)"; exit 3; }\n`,
      '.gitignore': 'node_modules/\n',
    })
  }

  async close(options?: { readonly unasked: 'allow' | 'fail' }): Promise<void> {
    try {
      await this.model.close(options)
    } finally {
      this.#home.remove()
      this.world.dispose()
    }
  }
}
