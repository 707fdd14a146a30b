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
  /** null: it is still at work. */
  result: string | null
}

/** Whether a conversation goes round in circles: identical calls and short cycles, whatever came of them. */
export class DoomWatch {
  readonly #made: Made[] = []
  #warned = false

  /** Notes that a call begins; what it returns notes what came of it. Calls that were refused or failed count as well. */
  begin(tool: string, input: unknown): (result: string) => void {
    const made: Made = { call: keyOf(tool, input), result: null }
    this.#made.push(made)
    if (this.#made.length > LONGEST * PATIENT_STOP + LONGEST) this.#made.shift()
    if (standing(this.#made).repetitions < 2) this.#warned = false
    return (result) => {
      made.result = digest(result)
    }
  }

  /** What to say to the model, once, when it repeats itself; null while it does not. */
  warning(): string | null {
    const { repetitions, length, same } = standing(this.#made)
    if (this.#warned || repetitions < (same ? WARN : PATIENT_WARN)) return null
    this.#warned = true
    const what = length === 1 ? 'the same call' : `the same ${length} calls in turn`
    return `You have made ${what} ${repetitions} times in a row${same ? ' with the same result' : ''}. It will not help to do it again: try another way, or say what keeps you from going on. If you go on repeating it, the turn ends.`
  }

  /**
   * Whether this call may be made, or would repeat what was made too often: `stop` when it was warned of that, `skip` when there
   * was no time to (in one answer). Nothing is noted.
   */
  judge(tool: string, input: unknown): 'run' | 'skip' | 'stop' {
    const { repetitions, same } = standing([...this.#made, { call: keyOf(tool, input), result: null }])
    if (repetitions < (same ? STOP : PATIENT_STOP)) return 'run'
    return this.#warned ? 'stop' : 'skip'
  }
}

interface Standing {
  /** How often the cycle at the end has been gone through, whole. */
  readonly repetitions: number
  readonly length: number
  /** With the same results each time. */
  readonly same: boolean
}

/** The cycle at the end that has been gone through most often. A call without a result yet differs from none. */
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

/** Tells texts apart: 64 bits, and the length. */
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
