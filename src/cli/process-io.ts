import { BelayError } from '../core/errors.ts'
import type { Io } from './io.ts'

/** The actual environment, folder and streams of this process. */
export function processIo(): Io {
  let gone = false
  // A reader that went away (| head) is no error: there is nobody left to tell. Any other failure to print (a full disk) is
  // reported and fails the command, but does not end work in progress.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && !gone) {
      process.stderr.write(`belay: stdout cannot be written: ${error.message} [stdout_failed]\n`)
      process.on('exit', () => {
        if (!process.exitCode) process.exitCode = 1
      })
    }
    gone = true
  })
  process.stderr.on('error', () => {})
  const drawable = process.stderr.isTTY && process.env['TERM'] !== 'dumb'
  return {
    env: process.env,
    get cwd() {
      return currentFolder()
    },
    stdin: process.stdin,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    stdoutIsTerminal: process.stdout.isTTY,
    screen: drawable ? process.stderr : null,
    color: drawable && !process.env['NO_COLOR'],
    outputGone: () => gone,
    out: (line) => void (gone || process.stdout.write(`${line}\n`)),
    outBytes: (bytes) => void (gone || process.stdout.write(bytes)),
    note: (line) => void process.stderr.write(`${line}\n`),
    exitCode: 0,
  }
}

/** The folder in which the command was started. Throws `no_folder` if it was removed since; only commands that need it fail. */
function currentFolder(): string {
  try {
    return process.cwd()
  } catch (cause) {
    throw new BelayError('no_folder', 'the current folder is not there any more', {
      expected: 'a folder that exists',
      next: 'cd to one that does (cd "$PWD", if it was made anew)',
      cause,
    })
  }
}
