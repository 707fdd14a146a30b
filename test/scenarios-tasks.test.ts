/** What other task loops got wrong (the specification's lessons, by number), and the tests that would detect it here. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isThere, type Claim } from './support/proofs.ts'

const ADVANCE = 'src/kernel/advance.test.ts'
const PICK = 'src/scheduler/pick.test.ts'
const LEASES = 'src/record/leases.test.ts'
const LANDING = 'src/programs/direct/landing.test.ts'
const LIFECYCLE = 'test/lifecycle.test.ts'
const MAIN = 'test/main-job.test.ts'
const LESSON = 'test/lessons.test.ts'
const TURNS = 'test/adversity/agents-turns.test.ts'
const LYING = 'test/adversity/lying-gates.test.ts'
const QUOTA = 'test/quota.test.ts'
const PEOPLE = 'test/people.test.ts'

const LESSONS: readonly Claim[] = [
  { what: '1 state is the truth, with a log that only grows and artifacts', by: [`${ADVANCE}: stores all that a phase came to, together`, `${ADVANCE}: stores nothing when any part of it cannot be stored`, 'src/record/events.test.ts: cannot be changed or taken back'] },
  { what: '1 programs are data: tables of transitions', by: ['src/kernel/program.test.ts: names all faults at once', `${ADVANCE}: of an outcome that the phase does not declare stores nothing`] },
  { what: '1 schemas are strict', by: [`${LIFECYCLE}: that fits no schema goes back twice with the problems, burns no attempt, and blocks after three tries`, 'test/adversity/bad-input.test.ts: names the nearest key'] },
  { what: '2 what checks and reviews say goes back to the implementer', by: [`${MAIN}: brings a failing gate back to the implementer with its output, and a finding of the review too`, `${LYING}: runs every command even after one failed, and tells the implementer of all`] },
  { what: '2 whose answer does not fit is asked again, not somebody else', by: [`${TURNS}: is asked again twice, in the same attempt`, `${TURNS}: as a reviewer`] },
  { what: '3 partial, blocked and the wish for a person are honoured', by: [`${LIFECYCLE}: partial is another attempt with what is left`, `${LIFECYCLE}: blocked blocks with its reason, holds back what depends on it, and goes on with one more attempt when it is unblocked`, `${PEOPLE}: is proven and reviewed, then waits with exit 4, and lands when it is approved`] },
  { what: '3 replan is not blocked, and events say why', by: [`${LESSON}: blocked, replan and skipped say why, each in its own event`, `${LIFECYCLE}: is read again from its source as it is committed now, and all of it lands on the target`] },
  { what: '4 what one task left reaches no other commit', by: [`${LESSON}: what a blocked task left is in no commit of the next one, nor in its checkout`, `${LYING}: passes with its counts, and what it leaves behind is not landed`] },
  { what: '5 a resume takes what it made itself, and lands once', by: ['test/crash/kill.test.ts: at $what: resume ends as if nothing had happened', `${LANDING}: that was noted when Belay died is taken as it came: made or not`, `${LANDING}: of a task that came too late is refused, and a restart keeps what the other has landed`] },
  { what: '6 attempts, crashes and faults are counted apart', by: [`${ADVANCE}: of a task that was running counts a crash`, `${ADVANCE}: blocks a task whose phase kills Belay again and again; a step forward begins the count anew`, `${TURNS}: or not at all, and exits with 0: no attempt is burnt, and the task is blocked`] },
  { what: '6 one process has a run', by: [`${LEASES}: is held by one, and the other is told by whom`, `${LEASES}: of a process that died is taken at once, with a higher epoch`, 'test/crash/held.test.ts: one works on a run, the others are told who: resume, and a run into the same branch'] },
  { what: '6 files are whole, whoever writes beside', by: ['src/programs/batch/results.test.ts: keeps what others change meanwhile, also that they take the file away', 'src/programs/batch/results.test.ts: takes away what an interrupted write left, and nothing else', 'src/record/record.test.ts: survives kill -9: what was committed is there'] },
  { what: '6 what was stored is looked at when it is read', by: ['src/record/database.test.ts: is refused with the way out: no record yet, or one that may only be read', `${ADVANCE}: of a phase that a newer version had names the phases that there are`] },
  { what: '7 what is ticked already is done', by: [`${LESSON}: a task whose box is ticked already is done, and nobody is asked about it`, `${PICK}: takes the first in file order whose dependencies are done, and ticked is done`] },
  { what: '7 dependents that are held back are shown', by: [`${PICK}: skip what depends on them, directly or not, and name the cause`, `${LESSON}: blocked, replan and skipped say why, each in its own event`] },
  { what: '8 dependencies and tasks side by side', by: ['src/scheduler/graph.test.ts: orders every graph soundly, and is the serial run', 'src/scheduler/loop.test.ts: runs as many beside each other as it may, and no more', `${MAIN}: lands one commit per task, with the box ticked in it`] },
  { what: '9 everything has a deadline', by: [`${LYING}: when it runs out of time, and everything it started ends`, `${TURNS}: and says nothing is ended, and asked again without a burnt attempt`, `${TURNS}: but talks on is ended when its time is over`, 'test/budget.test.ts: ends a silent turn when the time is used up, over all processes of the run'] },
  { what: '9 waits between tries, and nothing blocks while it waits', by: [`${QUOTA}: that names no time is tried again after a minute`, `${QUOTA}: is waited for until the named time; then the same conversation goes on`, `${QUOTA}: holds back what would ask the same agent, while other agents' tasks go on; what is held has met nothing`] },
  { what: '10 exit status and JSON say how it ended', by: [`${PEOPLE}: is proven and reviewed, then waits with exit 4, and lands when it is approved`, `${QUOTA}: is left with exit 5 by who does not wait, also when resumed too early; a reviewer waits like anybody`, `${LESSON}: blocked, replan and skipped say why, each in its own event`, 'test/cli-show.test.ts: --json has exactly the agreed shape'] },
  { what: '10 commands: status, unblock, replan, retry', by: ['test/cli-show.test.ts: --json has the agreed keys', `${LIFECYCLE}: refuses what is done, a phase that is none, and a phase that the task is not ready for`, `${LIFECYCLE}: proves and reviews the same change again from verify on`, `${LIFECYCLE}: is read again from its source as it is committed now, and all of it lands on the target`] },
  { what: '11 the reviewer changes nothing, and sees diff and checks', by: ['test/adversity/agents.test.ts: that edits, commits, and reaches out changes nothing', `${LESSON}: the reviewer sees the diff, what the checks said, the criteria and what the implementer said`, `${LYING}: shows a changed script and a removed test to the reviewer`] },
  { what: '12 names that every object has are names like any other', by: ['test/batch.test.ts: makes one checked answer per file, also for files whose names objects have', 'src/programs/batch/results.test.ts: keeps files whose names objects already have', 'src/scheduler/graph.test.ts: accepts what it should, whatever the names'] },
  { what: '12 what does not get on is ended', by: ['src/scheduler/loop.test.ts: ends a task that does not get on', 'src/scheduler/loop.test.ts: lets a task come back as often as it gets on'] },
] // prettier-ignore

it('every lesson has its number', () => {
  const numbers = new Set(LESSONS.map(({ what }) => Number.parseInt(what, 10)))
  expect([...numbers]).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
})

describe('lessons', () => {
  it.each(LESSONS.map(({ what, by }) => [what, by] as const))('%s', (_what, by) => {
    expect(by.filter((proof) => !isThere(proof))).toEqual([])
  })

  it('11 approval by pull requests is not there yet, and said so', () => {
    const page = readFileSync('docs/reference/configuration.md', 'utf8')
    expect(page).toContain('`pull-request` is not available yet and is refused')
  })
})
