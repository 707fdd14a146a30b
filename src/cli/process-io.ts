import type { Io } from './io.ts'

/** The real world: this process's environment, folder and streams. */
export function processIo(): Io {
  let gone = false
  // A reader that went away (| head) is no error of ours: there is nobody left to tell.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream === process.stdout) gone = true
    })
  }
  const drawable = process.stderr.isTTY && process.env['TERM'] !== 'dumb'
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    stdoutIsTerminal: process.stdout.isTTY,
    screen: drawable ? process.stderr : null,
    color: drawable && !process.env['NO_COLOR'],
    outputGone: () => gone,
    out: (line) => void process.stdout.write(`${line}\n`),
    outBytes: (bytes) => void process.stdout.write(bytes),
    note: (line) => void process.stderr.write(`${line}\n`),
    exitCode: 0,
  }
}
