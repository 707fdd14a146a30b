/** What a benchmark says: Belay's own time beside a baseline or peer that was measured in the same run. */

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
  /** What it is held against, measured in turns with it. */
  readonly beside: { readonly what: string; readonly value: Spread } | null
  /** Belay's median by the other's. */
  readonly ratio: number | null
  /** What is wanted, and whether it was met here; null: nothing is promised. */
  readonly goal: { readonly text: string; readonly met: boolean } | null
  /** A figure that somebody else has published, measured on another machine: for orientation only. */
  readonly published: string | null
}

export interface BenchOptions {
  /** Fewer rounds, for a look. */
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

/** A figure and what it is held against, from samples that were taken in turns. */
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
