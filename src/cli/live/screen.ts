import { rowsOf } from './wrapped.ts'

const SHOW_CURSOR = '\u001b[?25h'
const HIDE_CURSOR = '\u001b[?25l'

/** The lower end of a terminal, as a block that is redrawn in place while lines scroll by above it. */
export interface Screen {
  /** Replaces the block. */
  draw(lines: readonly string[]): void
  /** Prints a line above the block. */
  print(line: string): void
  /** Removes the block and restores the terminal. */
  close(): Promise<void>
}

/**
 * Opens a screen on a terminal. The cursor is restored however the process ends (except by SIGKILL), and while it is stopped.
 * The libraries are loaded only here, because they would be most of the start-up cost, and most commands do not need them.
 */
export async function openScreen(terminal: NodeJS.WriteStream): Promise<Screen> {
  const { createElement, ink, widthOf } = await load()
  let write: (text: string) => void = (text) => void terminal.write(text)
  const Block = ({ lines }: { readonly lines: readonly string[] }) => {
    write = ink.useStdout().write
    return createElement(
      ink.Box,
      { flexDirection: 'column' },
      ...lines.map((line, i) => createElement(ink.Text, { key: i, wrap: 'truncate-end' }, line)),
    )
  }
  const instance = ink.render(createElement(Block, { lines: [] }), {
    stdout: terminal,
    stderr: terminal,
    interactive: true,
    exitOnCtrlC: false,
    isScreenReaderEnabled: false,
    patchConsole: true,
  })
  let drawn: readonly string[] = []
  let columns = terminal.columns
  // When a window becomes narrower, drawn lines wrap into more rows than Ink knows of. Without this, they would stay on screen.
  const takeBackBroken = (): void => {
    const now = terminal.columns
    const broken = drawn.reduce((sum, line) => sum + rowsOf(line, columns, now, widthOf) - 1, 0)
    if (now < columns) terminal.write('\u001b[1A\u001b[2K'.repeat(Math.min(broken, terminal.rows)))
    columns = now
  }
  terminal.prependListener('resize', takeBackBroken)
  let stopped = false
  const show = (lines: readonly string[]): void => instance.rerender(createElement(Block, { lines }))
  // Ctrl-Z: the shell gets a terminal without the block, and with its cursor.
  const stop = async (): Promise<void> => {
    stopped = true
    show([])
    await instance.waitUntilRenderFlush()
    terminal.write(SHOW_CURSOR)
    process.once('SIGCONT', onContinue)
    process.kill(process.pid, 'SIGSTOP')
  }
  const onStop = (): void => void (stopped || stop())
  const onContinue = (): void => {
    stopped = false
    terminal.write(HIDE_CURSOR)
    columns = terminal.columns
    show(drawn)
  }
  process.on('SIGTSTP', onStop)
  return {
    draw(lines) {
      drawn = lines
      if (!stopped) show(lines)
    },
    print: (line) => write(`${line}\n`),
    async close() {
      terminal.off('resize', takeBackBroken)
      process.off('SIGTSTP', onStop)
      process.off('SIGCONT', onContinue)
      await instance.waitUntilRenderFlush()
      instance.clear()
      instance.unmount()
      await instance.waitUntilExit()
    },
  }
}

/**
 * React reads NODE_ENV when it is loaded, and its development build keeps a measurement of every rendering forever. The
 * variable is restored at once, because agents and gates inherit this process's environment.
 */
async function load() {
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    const [{ createElement }, ink, { default: widthOf }] = await Promise.all([
      import('react'),
      import('ink'),
      import('string-width'),
    ])
    return { createElement, ink, widthOf }
  } finally {
    if (before === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = before
  }
}
