import { createInterface } from 'node:readline/promises'
import type { Readable } from 'node:stream'
import { PROGRAM_NAMES, type ProviderName } from '../config/index.ts'
import { BelayError } from '../core/errors.ts'
import type { Detected } from './detect.ts'
import { proposeConfig, rolesFor, type Proposal } from './proposal.ts'

/** Somebody who can be asked. */
export interface Person {
  readonly input: Readable
  /** Shows a line. */
  say(line: string): void
}

/** Agents that can be chosen by name alone. */
const CHOICES: readonly ProviderName[] = PROGRAM_NAMES

/**
 * Goes through what was found with a person. Returns null if the person does not want it; throws `interrupted` if the input
 * ends before the last answer.
 */
export async function askAbout(detected: Detected, person: Person): Promise<Proposal | null> {
  const lines = createInterface({ input: person.input })
  // The iterator keeps lines that arrive early, and ends with the input; question() would lose such lines and wait forever.
  const answers = lines[Symbol.asyncIterator]()
  const ask = async (question: string): Promise<string> => {
    person.say(question)
    const next = await answers.next()
    if (next.done) throw interrupted()
    return next.value.trim()
  }
  try {
    person.say(`Found: ${detected.languages.join(', ') || 'no language that Belay knows'}`)
    for (const note of detected.notes) person.say(`Note: ${note}`)
    const gates = []
    for (const gate of detected.gates) {
      const place = gate.cwd === null ? '' : ` in ${gate.cwd}`
      if (await agrees(ask, `Check every task with \`${gate.run}\`${place} (${gate.why})?`)) gates.push(gate)
    }
    for (;;) {
      const run = await ask('Another command to check with (empty: no more):')
      if (run === '') break
      gates.push({ run, why: 'named by you', cwd: null })
    }
    const found = rolesFor(detected.agents)
    const roles = {
      implementer: await choice(ask, 'Which agent implements', found.implementer),
      reviewer: await choice(ask, 'Which agent reviews', found.reviewer),
    }
    const proposal = proposeConfig({ ...detected, gates }, roles)
    person.say(`\n${proposal.text}`)
    return (await agrees(ask, 'Write this to belay.yaml?')) ? proposal : null
  } finally {
    lines.close()
  }
}

type Ask = (question: string) => Promise<string>

async function agrees(ask: Ask, question: string): Promise<boolean> {
  for (;;) {
    const answer = (await ask(`${question} [Y/n]`)).toLowerCase()
    if (['', 'y', 'yes'].includes(answer)) return true
    if (['n', 'no'].includes(answer)) return false
  }
}

async function choice(ask: Ask, question: string, preset: ProviderName): Promise<ProviderName> {
  for (;;) {
    const answer = await ask(`${question} (${CHOICES.join(', ')})? [${preset}]`)
    const chosen = answer === '' ? preset : CHOICES.find((name) => name === answer.toLowerCase())
    if (chosen) return chosen
  }
}

function interrupted(): BelayError {
  return new BelayError('interrupted', 'input ended before the last answer; nothing was written', {
    exit: 130,
    next: 'belay init --yes takes what was found',
  })
}
