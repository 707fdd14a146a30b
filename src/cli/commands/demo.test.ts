import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { testIo } from '../testing/io.ts'
import { demo, demoCommand } from './demo.ts'

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-demo-cli-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function world() {
  const io = testIo({ cwd: folder })
  return { io, out: io.printed, notes: io.notes }
}

it('runs the feature in the project that it made, and says what to look at', async () => {
  const { io, out, notes } = world()
  Object.assign(io.env, { PATH: folder })
  const dir = join(folder, "it's here")
  const asked: unknown[] = []
  const status = await demo(io, { dir, json: false }, async (args) => {
    asked.push(args)
    return existsSync(join(args.cwd, 'belay.yaml')) ? 0 : 1
  })
  expect(status).toBe(0)
  expect(asked).toEqual([{ cwd: dir, argv: ['specs/001-statistics'] }])
  expect(notes[0]).toContain(dir)
  expect(out.join('\n')).toContain(`cd '${dir.replace("'", `'\\''`)}'`)
  expect(out.join('\n')).toContain('belay show T002')
  expect(out.at(-1)).toContain(`${process.argv[1]} status`)
  out.length = 0
  writeFileSync(join(folder, 'belay'), '#!/bin/sh\n', { mode: 0o755 })
  await demo(io, { dir: join(folder, 'again'), json: false }, () => Promise.resolve(0))
  expect(out.at(-1)).toBe('Your own project: belay init, then belay run.')
})

it('tells no success story of a run that failed', async () => {
  const { io, out } = world()
  expect(await demo(io, { dir: join(folder, 'p'), json: false }, async () => 3)).toBe(3)
  expect(out.join('\n')).toContain('did not come to its end')
  expect(out.join('\n')).not.toContain('T002')
})

it('leaves stdout to the events of the run with --json', async () => {
  const { io, out, notes } = world()
  const asked: unknown[] = []
  await demo(io, { dir: join(folder, 'p'), json: true }, async ({ argv }) => {
    asked.push(argv)
    return 0
  })
  expect(asked).toEqual([['specs/001-statistics', '--json']])
  expect(out).toEqual([])
  expect(notes.join('\n')).toContain('belay show T003')
})

it('takes --dir from the current folder of the command line', async () => {
  const { io } = world()
  let cwd = ''
  await demo(io, { dir: 'below', json: false }, async (args) => {
    cwd = args.cwd
    return 0
  })
  expect(cwd).toBe(join(folder, 'below'))
})

it('hands its options on, and ends with the status of the run', async () => {
  const { io, out } = world()
  const asked: unknown[] = []
  const command = demoCommand(io, async (args) => {
    asked.push(args)
    return 5
  })
  await command.parseAsync(['--dir', 'here', '--json'], { from: 'user' })
  expect(asked).toEqual([{ cwd: join(folder, 'here'), argv: ['specs/001-statistics', '--json'] }])
  expect(io.exitCode).toBe(5)
  expect(out).toEqual([])
})
