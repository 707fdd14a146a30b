import { readFileSync, readdirSync } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { compare, type Bench } from '../support/figure.ts'
import { instantWorld } from '../support/instant.ts'

const QUEUED = 1000
const SAMPLE_MS = 20
/** Most concurrent git processes; see src/git/run.ts. */
const AT_WORK = 4
/** Standing git processes, which read and write objects and move refs; see src/git/standing.ts. */
const STANDING = 5

/** A long queue: memory and time per task must stay flat, and git processes few, while it is worked on. Linux only. */
export const queue: Bench = {
  name: 'queue',
  measure: async ({ quick }) => {
    if (process.platform !== 'linux') return []
    // Fewer tasks would measure the heap while it still grows.
    const wanted = quick ? 75 : 150
    const world = instantWorld(QUEUED, { parallel: true })
    try {
      const belay = world.start(['run', '--json', '--concurrency', '4'])
      belay.stdin?.end()
      belay.stderr?.resume()
      const gone = once(belay, 'exit')
      const ended: { readonly at: number; readonly rss: number }[] = []
      let gits = 0
      const timer = setInterval(() => (gits = Math.max(gits, gitChildren(belay.pid ?? 0))), SAMPLE_MS)
      const began = performance.now()
      if (!belay.stdout) throw new Error('no output')
      for await (const line of createInterface({ input: belay.stdout })) {
        if (!line.includes('"type":"task.done"')) continue
        ended.push({ at: performance.now() - began, rss: rssOf(belay.pid ?? 0) })
        if (ended.length === wanted) belay.kill('SIGINT')
      }
      clearInterval(timer)
      await gone
      if (ended.length < wanted) throw new Error(`only ${ended.length} tasks were done`)
      const part = Math.floor(wanted / 3)
      const gaps = ended.map(({ at }, n) => at - (ended[n - 1]?.at ?? at)).slice(1)
      const rss = ended.map((one) => one.rss)
      const what = `the first ${part} tasks`
      return [
        compare(`time per task, the last of ${wanted} with ${QUEUED} queued`, 'ms', gaps.slice(-part), {
          what,
          values: gaps.slice(0, part),
        }),
        compare(
          `memory, the same`,
          'MB',
          rss.slice(-part),
          { what, values: rss.slice(0, part) },
          {
            goal: { text: 'flat', met: (_, ratio) => ratio < 1.25 },
          },
        ),
        compare('git processes at the same time', 'count', [gits], null, {
          goal: {
            text: `at most ${AT_WORK} at work and ${STANDING} that stay`,
            met: (most) => most <= AT_WORK + STANDING,
          },
        }),
      ]
    } finally {
      world.dispose()
    }
  },
}

function rssOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}

/** Number of running git processes that Belay itself has started. */
function gitChildren(pid: number): number {
  let found = 0
  for (const thread of list(`/proc/${pid}/task`)) {
    for (const child of text(`/proc/${pid}/task/${thread}/children`).split(' ')) {
      if (child !== '' && text(`/proc/${child}/comm`).trim() === 'git') found += 1
    }
  }
  return found
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // ended meanwhile
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // ended meanwhile
  }
}
