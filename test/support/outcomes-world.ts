import { World } from './world.ts'

/**
 * A world with a run that shows every outcome: T001 is done after a failed gate and a rework, T002 is blocked with a change
 * that did not land, T003 was skipped because of it, T004 waits for a person.
 */
export async function outcomesWorld(): Promise<World> {
  const world = new World({
    implementer: {
      T001: [
        {
          lines: [
            { type: 'message', text: 'Let me look.\n\u001b]0;evil title\u0007Second \u001b[31mred\u001b[0m line' },
            { type: 'odd', text: 'of a type nobody knows' },
          ],
          files: { 'answer.txt': '41\n' },
          usage: { input_tokens: 1000, output_tokens: 20, cost_usd: 0.25 },
        },
        { lines: [{ type: 'message', text: 'It must be 42' }], files: { 'answer.txt': '42\n' } },
        { files: { 'answer.txt': '42\n', 'why.txt': 'because\n' }, sh: String.raw`printf '\000\001\377' > blob.bin` },
      ],
      T002: [{ files: { 'half.txt': 'half\n' }, answer: { status: 'blocked', summary: 'the key is missing' } }],
      T004: [{ files: { 'four.txt': '4\n' }, answer: { needsHumanAttention: true } }],
    },
    reviewer: {
      T001: [
        {
          lines: [{ type: 'message', text: 'Reading the diff' }],
          answer: {
            verdict: 'rework',
            findings: [{ severity: 'high', issue: 'nobody knows why', fixHint: 'write it down', file: 'why.txt' }],
          },
        },
        {},
      ],
    },
  })
  world
    .config(
      'verify:\n  commands: [{run: "test ! -f answer.txt || grep -q 42 answer.txt || { echo it is $(cat answer.txt); exit 3; }", name: check}]\n',
    )
    .feature('001-answer', [
      '- [ ] T001 [P] Write the answer',
      '- [ ] T002 [P] Use the key',
      '- [ ] T003 Show the key (depends on T002)',
      '- [ ] T004 [P] Ask a person (depends on T001)',
    ])
    .commit()
  const result = await world.belay(['run'])
  if (result.code !== 4) throw new Error(`the run came to ${result.code}:\n${result.stdout}\n${result.stderr}`)
  return world
}
