import type { ModelRequest, ModelServerOptions, Reply, Route, Step } from './types.ts'

interface Cursor {
  readonly route: Route
  next: number
  readonly waiters: { readonly index: number; readonly resolve: () => void }[]
}

/** Keeps track of the next step, of failures, and of who waits for a step. */
export class Script {
  readonly requests: ModelRequest[] = []
  readonly side: ModelRequest[] = []
  readonly #failures: Error[] = []
  readonly #cursors: Cursor[]
  readonly #isSide: (request: ModelRequest) => boolean

  constructor(options: ModelServerOptions) {
    const routes = options.routes ?? [{ name: 'all', when: () => true, steps: options.steps ?? [] }]
    for (const { name, steps } of routes) {
      if (steps.slice(0, -1).some((step) => step.every))
        throw new Error(`route ${name}: only the last step may be 'every'`)
    }
    this.#cursors = routes.map((route) => ({ route, next: 0, waiters: [] }))
    this.#isSide = options.isSide ?? isSideRequest
  }

  /** The reply to a request: that of its step, or an HTTP error that names the problem. */
  replyTo(request: ModelRequest): Reply {
    if (this.#isSide(request)) {
      this.side.push(request)
      return { say: 'ok' }
    }
    const cursor = this.#cursors.find(({ route }) => route.when(request))
    const step = cursor && take(cursor)
    if (!step)
      return this.#fail(new Error(`no step left for a request to ${request.model} ending: ${request.text.slice(-300)}`))
    this.requests.push(request)
    try {
      step.expect?.(request)
      return typeof step.reply === 'function' ? step.reply(request) : step.reply
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  reached(index: number, name?: string): Promise<void> {
    const cursor = name === undefined ? this.#cursors[0] : this.#cursors.find(({ route }) => route.name === name)
    if (!cursor) return Promise.reject(new Error(`no route ${name ?? ''}`))
    if (cursor.next > index) return Promise.resolve()
    return new Promise((resolve) => cursor.waiters.push({ index, resolve }))
  }

  /** The failures so far; with `unasked`, also steps that were never requested. */
  problems(unasked: boolean): Error[] {
    const left = unasked ? this.#cursors.filter((cursor) => cursor.next < cursor.route.steps.length) : []
    return [
      ...this.#failures,
      ...left.map(
        ({ route, next }) =>
          new Error(`route ${route.name}: only ${next} of ${route.steps.length} steps were asked for`),
      ),
    ]
  }

  #fail(error: Error): Reply {
    this.#failures.push(error)
    return { status: 400, body: { type: 'error', error: { type: 'invalid_request_error', message: error.message } } }
  }
}

function take(cursor: Cursor): Step | undefined {
  const { steps } = cursor.route
  const last = steps.at(-1)
  const step = steps[cursor.next] ?? (last?.every ? last : undefined)
  cursor.next += 1
  for (const waiter of cursor.waiters) if (cursor.next > waiter.index) waiter.resolve()
  return step
}

/** Whether a request is for a title or summary: Claude Code sends these to the small model, or without any tool. */
function isSideRequest(request: ModelRequest): boolean {
  return request.api === 'anthropic' && (request.tools.length === 0 || request.model.includes('haiku'))
}
