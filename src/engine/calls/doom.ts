/** The longest cycle that is detected: A-B-C-D-A-B-C-D. */
const LONGEST = 4
/** After this many repetitions of a cycle the model is warned; a call that would make the `STOP`th ends the turn. */
const WARN = 3
const STOP = 5
/** The same limits for repetitions with differing results: the model may be waiting for something. */
const PATIENT_WARN = 8
const PATIENT_STOP = 12

interface Made {
  readonly call: string
  /** null: still running. */
  result: string | null
}

/**
 * Detects a conversation that goes in circles: identical calls and short cycles. Calls that were refused or that failed count
 * too.
 */
export class DoomWatch {
  readonly #made: Made[] = []
  #warned = false

  /** Records that a call begins. The returned function records its result. */
  begin(tool: string, input: unknown): (result: string) => void {
    const made: Made = { call: keyOf(tool, input), result: null }
    this.#made.push(made)
    if (this.#made.length > LONGEST * PATIENT_STOP + LONGEST) this.#made.shift()
    if (standing(this.#made).repetitions < 2) this.#warned = false
    return (result) => {
      made.result = digest(result)
    }
  }

  /** A warning for the model when it repeats itself, returned once per streak; otherwise null. */
  warning(): string | null {
    const { repetitions, length, same } = standing(this.#made)
    if (this.#warned || repetitions < (same ? WARN : PATIENT_WARN)) return null
    this.#warned = true
    const what = length === 1 ? 'the same call' : `the same ${length} calls in turn`
    return `You have made ${what} ${repetitions} times in a row${same ? ' with the same result' : ''}. It will not help to do it again: try another way, or say what keeps you from going on. If you go on repeating it, the turn ends.`
  }

  /**
   * Whether the next call may be made. When it would repeat a cycle too often: `stop` if the model has been warned, `skip` if
   * there was no occasion to warn it (repetitions within one answer). Records nothing.
   */
  judge(tool: string, input: unknown): 'run' | 'skip' | 'stop' {
    const { repetitions, same } = standing([...this.#made, { call: keyOf(tool, input), result: null }])
    if (repetitions < (same ? STOP : PATIENT_STOP)) return 'run'
    return this.#warned ? 'stop' : 'skip'
  }
}

interface Standing {
  /** How many times in a row the cycle at the end has been completed. */
  readonly repetitions: number
  readonly length: number
  /** Whether every repetition had the same results. */
  readonly same: boolean
}

/** The cycle at the end of the calls with the most repetitions. A call without a result counts as equal to any other result. */
function standing(made: readonly Made[]): Standing {
  let best: Standing = { repetitions: 1, length: 1, same: true }
  for (let length = 1; length <= LONGEST; length++) {
    let matching = 0
    let same = true
    for (let at = made.length - 1; at - length >= 0; at--) {
      const [here, before] = [made[at], made[at - length]]
      if (here?.call !== before?.call) break
      matching += 1
      if (here?.result != null && before?.result != null && here.result !== before.result) same = false
    }
    const repetitions = Math.floor(matching / length) + 1
    if (repetitions > best.repetitions) best = { repetitions, length, same }
  }
  return best
}

/** Equal for calls that differ only in the order of their keys. */
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

/** Distinguishes texts: a 64-bit hash and the length. */
function digest(text: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57]
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(high ^ unit, 2654435761)
    low = Math.imul(low ^ unit, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return `${text.length}:${(low >>> 0).toString(36)}:${(high >>> 0).toString(36)}`
}
