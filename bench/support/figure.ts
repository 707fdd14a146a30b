/** The result of a benchmark: Belay's own value beside a baseline or peer measured in the same run. */

export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly samples: number
}

export interface Figure {
  readonly name: string
  readonly unit: 'ms' | 's' | 'MB' | 'count'
  readonly belay: Spread
  /** The baseline or peer, measured in turns with Belay. */
  readonly beside: { readonly what: string; readonly value: Spread } | null
  /** Belay's median divided by the baseline's. */
  readonly ratio: number | null
  /** The goal, and whether it was met here; null: there is none. */
  readonly goal: { readonly text: string; readonly met: boolean } | null
  /** A figure that others have published, measured on another machine; only for orientation. */
  readonly published: string | null
}

export interface BenchOptions {
  /** Fewer rounds, for a quick look. */
  readonly quick: boolean
}

/** One group of figures. */
export interface Bench {
  readonly name: string
  measure(options: BenchOptions): Promise<readonly Figure[]>
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
  const middle = sorted.length % 2 === 0 ? (at(0.5) + (sorted[sorted.length / 2 - 1] ?? Number.NaN)) / 2 : at(0.5)
  return { median: middle, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN, samples: sorted.length }
}

/** A figure and its baseline, from samples that were taken in turns. */
export function compare(
  name: string,
  unit: Figure['unit'],
  belay: readonly number[],
  beside: { readonly what: string; readonly values: readonly number[] } | null,
  more: {
    readonly published?: string
    readonly goal?: { readonly text: string; met(belay: number, ratio: number): boolean }
  } = {},
): Figure {
  const own = spread(belay)
  const other = beside === null ? null : { what: beside.what, value: spread(beside.values) }
  const ratio = other === null ? null : own.median / other.value.median
  const { goal, published = null } = more
  return {
    name,
    unit,
    belay: own,
    beside: other,
    ratio,
    goal: goal === undefined ? null : { text: goal.text, met: goal.met(own.median, ratio ?? Number.NaN) },
    published,
  }
}

/** Wall time of `work`, in ms. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
