import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { collect } from '../support/world.ts'
import { CrashWorld, randomOf } from './crash-world.ts'

const FILES = 3000
const SEED = Number(process.env['BELAY_KILL_SEED'] ?? Date.now() % 1_000_000)
const ROUNDS = Number(process.env['BELAY_KILL_FOLLOW'] ?? 4)

let world: CrashWorld

afterEach(() => world.dispose())

/** A world whose first task changes, removes and adds a thousand files each. */
function manyFiles(): void {
  world = new CrashWorld()
  for (let i = 0; i < FILES; i++) if (i % 3 !== 2) world.files({ [`many/${i % 20}/f${i}`]: `old ${i}\n` })
  world.commit('many files')
  world.git('rm', '-q', '--cached', 'mine.txt')
  world.git('commit', '-q', '--amend', '--no-edit')
  const script = [
    'echo 42 >answer.txt',
    `i=0; while [ $i -lt ${FILES} ]; do`,
    'case $((i % 3)) in 1) rm "many/$((i % 20))/f$i";; *) echo "new $i" >"many/$((i % 20))/f$i";; esac',
    'i=$((i + 1)); done',
  ].join('\n')
  world.turn('implementer-T001-1', script)
  world.turn('implementer-T001-2', 'echo 42 >answer.txt')
}

/** At any moment each file holds its old or its new content, whole. */
function expectOldOrNew(hint: string): void {
  for (let i = 0; i < FILES; i++) {
    const file = join(world.repo, 'many', String(i % 20), `f${i}`)
    if (!existsSync(file)) continue
    expect([`old ${i}\n`, `new ${i}\n`], hint).toContain(readFileSync(file, 'utf8'))
  }
}

/** Starts belay and kills it (with its git) some time after the target has begun to follow: its lock stands. */
async function killWhileFollowing(args: readonly string[], afterMs: number): Promise<NodeJS.Signals | null> {
  const child = world.detached(args)
  const printed = collect(child)
  const lock = join(world.repo, '.git', 'index.lock')
  const state = { over: false }
  const ended = once(child, 'exit')
  child.once('exit', () => {
    state.over = true
  })
  while (!state.over && !existsSync(lock)) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!state.over) await new Promise((resolve) => setTimeout(resolve, afterMs))
  if (!state.over) process.kill(-(child.pid as number), 'SIGKILL')
  await ended
  return (await printed).signal
}

describe('kill -9 while the target follows with 3,000 files', () => {
  it('leaves every file whole, and resume brings all of them', async () => {
    process.stderr.write(`follow seed ${SEED}\n`)
    const random = randomOf(SEED)
    manyFiles()
    let killed = 0
    for (let round = 0; round < ROUNDS; round++) {
      const afterMs = Math.round(random() * 400)
      const signal = await killWhileFollowing(round === 0 ? ['run'] : ['resume'], afterMs)
      if (signal === 'SIGKILL') killed += 1
      expectOldOrNew(`BELAY_KILL_SEED=${SEED} round ${round}, ${afterMs} ms`)
    }
    expect(killed).toBeGreaterThan(0)
    const last = await world.goOn()
    expect(last.code, last.stderr).toBe(0)
    for (let i = 0; i < FILES; i++) {
      const file = join(world.repo, 'many', String(i % 20), `f${i}`)
      expect(existsSync(file) ? readFileSync(file, 'utf8') : null).toBe(i % 3 === 1 ? null : `new ${i}\n`)
    }
    expect(world.log().filter((commit) => commit.trailers['Belay-Task'] !== undefined)).toHaveLength(3)
    world.expectCleanCheckout('after all')
    world.expectNothingLeft('after all')
  }, 1_200_000)
})

describe('locks that a killed git left', () => {
  it('do not stop a resume', async () => {
    world = new CrashWorld()
    const first = await world.killed(['run'], { port: 'process', n: 4, when: 'after', group: true })
    expect(first.signal).toBe('SIGKILL')
    const [run] = world.sql<{ id: string }>('select id from runs')
    const left = [
      'packed-refs.lock',
      `refs/heads/belay/${run?.id}/result.lock`,
      `refs/belay/epoch/${run?.id}/T001.lock`,
      'refs/heads/main.lock',
    ]
    for (const name of left) {
      mkdirSync(join(world.repo, '.git', name, '..'), { recursive: true })
      writeFileSync(join(world.repo, '.git', name), '')
    }
    const half = join(world.repo, '.git/worktrees/work-9')
    mkdirSync(half, { recursive: true })
    writeFileSync(join(half, 'locked'), 'initializing')
    const second = await world.belay(['resume'])
    expect(second.code, `${first.stderr}\n${second.stderr}`).toBe(0)
    world.expectWhole(world.git('rev-parse', 'main^{tree}'), second.stderr)
  }, 120_000)
})
