import type { Io } from './io.ts'

/** The real world: this process's environment, folder and streams. */
export function processIo(): Io {
  // A reader that went away (| head) is no error of ours: there is nobody left to tell.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    stdoutIsTerminal: process.stdout.isTTY,
    color: process.stderr.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
    out: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
    exitCode: 0,
  }
}
