import { Command } from 'commander'
import { stateHome } from '../../core/home.ts'
import { askInline } from '../chat/approve.ts'
import { Chat } from '../chat/chat.ts'
import { COMMAND_NAMES } from '../chat/commands.ts'
import { completer } from '../chat/complete.ts'
import type { Console } from '../chat/console.ts'
import { addToHistory, readHistory } from '../chat/history-file.ts'
import { PipedConsole } from '../chat/piped.ts'
import { TerminalConsole } from '../chat/terminal.ts'
import { addExecFlags, execOptions, type ExecFlags } from '../exec/options.ts'
import type { Io } from '../io.ts'

const EXAMPLES = `
Examples:
  belay chat
  belay chat --agent claude --session review
  belay chat --access read-only
  printf 'what is this project?\\nand its tests?\\n' | belay chat     a prompt per line

The session is kept: belay session list, belay session resume ID. /help in the chat lists its commands.
`

/** `belay chat`. */
export function chatCommand(io: Io): Command {
  return addExecFlags(new Command('chat').description('Talk with an agent in the current directory.'))
    .addHelpText('after', EXAMPLES)
    .action((flags: ExecFlags) => chat(io, flags))
}

async function chat(io: Io, flags: ExecFlags): Promise<void> {
  const options = execOptions(io, flags)
  const home = stateHome(io.env)
  const isTerminal = io.interactive && io.stdoutIsTerminal
  const earlier = isTerminal ? await readHistory(home) : []
  const console: Console = isTerminal
    ? new TerminalConsole({
        input: process.stdin,
        output: process.stdout,
        complete: completer(COMMAND_NAMES, () => io.cwd),
        history: earlier,
        color: io.color,
      })
    : new PipedConsole(io)
  try {
    const begun = await Chat.begin(
      console,
      {
        ...options,
        purpose: 'chat',
        approver: () => askInline(console),
        signal: new AbortController().signal,
      },
      (prompt) => (isTerminal ? addToHistory(home, prompt) : Promise.resolve()),
    )
    try {
      io.exitCode = await begun.run()
    } finally {
      await begun.close()
    }
  } finally {
    console.close()
  }
}
