/** A Belay that holds a sandbox with one program until it is killed: `holder.ts JSON`. */
import { openSandbox } from '../index.ts'

const {
  backend,
  script,
  mark,
  close = false,
  ...request
} = JSON.parse(process.argv[2] ?? '') as {
  backend: string
  script: string
  mark: string
  workspace: string
  /** Close the sandbox and end normally after the program has ended. */
  close?: boolean
}
const { sandbox } = await openSandbox(backend, { access: 'workspace-write', ...request }, new AbortController().signal)
const kept = await sandbox.spawn({
  argv: ['/bin/sh', '-c', script],
  cwd: request.workspace,
  env: { PATH: process.env['PATH'] ?? '' },
  stdin: 'none',
  mark,
})
kept.stdout.resume()
kept.stderr.pipe(process.stderr)
await kept.closed
if (close) await sandbox.close()
