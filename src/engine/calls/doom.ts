import { createHash } from 'node:crypto'

/** Longest cycle that is looked for: A-B-C-D-A-B-C-D. */
const LONGEST = 4
/** Repetitions of a cycle after which the model is warned, and those with which the turn ends. */
const WARN = 3
const STOP = 5
/** The same when the results differ: it may be waiting for something. */
const PATIENT_WARN = 8
const PATIENT_STOP = 12

interface Made {
  readonly call: string
  readonly result: string
}

/** Whether a conversation goes round in circles: identical calls and short cycles, whatever came of them. */
export class DoomWatch {
  readonly #made: Made[] = []
  #warned = false

  /** Records a call with what came of it; calls that were refused or failed count as well. */
  record(tool: string, input: unknown, result: string): void {
    this.#made.push({ call: keyOf(tool, input), result: digest(result) })
    if (this.#made.length > LONGEST * PATIENT_STOP + LONGEST) this.#made.shift()
    if (this.#standing().repetitions < 2) this.#warned = false
  }

  /** What to say to the model, once, when it repeats itself; null while it does not. */
  warning(): string | null {
    const { repetitions, length, same } = this.#standing()
    if (this.#warned || repetitions < (same ? WARN : PATIENT_WARN)) return null
    this.#warned = true
    const what = length === 1 ? 'the same call' : `the same ${length} calls in turn`
    return `You have made ${what} ${repetitions} times in a row${same ? ' with the same result' : ''}. It will not help to do it again: try another way, or say what keeps you from going on. If you go on repeating it, the turn ends.`
  }

  /** Whether this call would repeat what it was warned of too often. Nothing is recorded. */
  wouldLoop(tool: string, input: unknown): boolean {
    if (!this.#warned) return false
    const { repetitions, same } = standing([...this.#made, { call: keyOf(tool, input), result: '' }], true)
    return repetitions >= (same ? STOP : PATIENT_STOP)
  }

  #standing(): Standing {
    return standing(this.#made, false)
  }
}

interface Standing {
  /** How often the cycle at the end has been gone through, whole. */
  readonly repetitions: number
  readonly length: number
  /** With the same results each time. */
  readonly same: boolean
}

/** The cycle at the end that has been gone through most often. `open`: the last call has no result yet. */
function standing(made: readonly Made[], open: boolean): Standing {
  let best: Standing = { repetitions: 1, length: 1, same: true }
  for (let length = 1; length <= LONGEST; length++) {
    let matching = 0
    let same = true
    for (let at = made.length - 1; at - length >= 0; at--) {
      const [here, before] = [made[at], made[at - length]]
      if (here?.call !== before?.call) break
      matching += 1
      if (here?.result !== before?.result && !(open && at === made.length - 1)) same = false
    }
    const repetitions = Math.floor(matching / length) + 1
    if (repetitions > best.repetitions) best = { repetitions, length, same }
  }
  return best
}

/** The same for calls that differ only in the order of their keys. */
function keyOf(tool: string, input: unknown): string {
  return `${tool}:${digest(JSON.stringify(sorted(input)) ?? 'nothing')}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  )
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
