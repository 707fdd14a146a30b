import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SessionStore } from '../../src/sessions/index.ts'
import { compare, timed, type Bench } from '../support/figure.ts'
import { inFolder } from '../support/folder.ts'
import { makeLongSession } from '../support/long-session.ts'

const ITEMS = 2000

/** Opening a session of 2,000 items (lock, lines, history), compared with only reading and parsing the same file. */
export const session: Bench = {
  name: 'session',
  measure: async ({ quick }) =>
    inFolder(async (home) => {
      await makeLongSession(home, 'long', ITEMS)
      const file = join(home, 'sessions', 'long', 'session.jsonl')
      const store = new SessionStore(home)
      const resume = async (): Promise<void> => {
        const held = await store.open('long', 'bench')
        await held.history.load()
        await held.close()
      }
      const bare = (): void => {
        for (const line of readFileSync(file, 'utf8').split('\n')) if (line !== '') JSON.parse(line)
      }
      const resumes: number[] = []
      const reads: number[] = []
      for (let round = 0; round < (quick ? 5 : 25); round++) {
        resumes.push(await timed(resume))
        reads.push(await timed(bare))
      }
      return [
        compare(
          `resume a session of ${ITEMS.toLocaleString('en')} items`,
          'ms',
          resumes,
          { what: 'only reading its file', values: reads },
          {
            goal: { text: 'under 300 ms', met: (own) => own < 300 },
          },
        ),
      ]
    }),
}
