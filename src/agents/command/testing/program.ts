/**
 * A `command` agent for the conformance suite. It sends the harness (BELAY_SCRIPT_URL) its input and the results of its acts so
 * far, performs the act that it gets, and repeats this until an act ends the turn.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Act } from '../../testing/index.ts'

const input = JSON.parse(await text(process.stdin)) as { output_schema: unknown; workspace: string }
const seen: string[] = [JSON.stringify(input)]

function print(frame: unknown): void {
  process.stdout.write(`${JSON.stringify(frame)}\n`)
}

function perform(act: Act): boolean {
  if ('write' in act || 'run' in act) {
    try {
      if ('run' in act) seen.push(execFileSync('/bin/sh', ['-c', act.run], { encoding: 'utf8' }))
      else writeFileSync(`${input.workspace}/${act.write.path}`, act.write.content)
    } catch (error) {
      seen.push(String(error)) // as an agent would see the error
    }
    return true
  }
  print({ type: 'usage', input_tokens: 100, output_tokens: 10, cost_usd: 0.01 })
  if ('say' in act) {
    print({ type: 'message', text: act.say })
    if (input.output_schema === null) print({ type: 'result', output: {} })
  } else if ('answer' in act) print({ type: 'result', output: act.answer })
  else if ('fail' in act) {
    print({ type: 'error', code: act.fail, message: `scripted ${act.fail}`, retry_at: act.retryAt })
  } else throw new Error(`not an act of a command agent: ${JSON.stringify(act)}`)
  return false
}

for (let going = true; going;) {
  const response = await fetch(process.env.BELAY_SCRIPT_URL ?? '', { method: 'POST', body: seen.join('\n') })
  if (!response.ok) throw new Error(await response.text())
  going = perform((await response.json()) as Act)
}
