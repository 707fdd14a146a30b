import { join } from 'node:path'
import { RecordStore, appendEvents, readEvents } from '../../src/record/index.ts'
import { BareLog } from '../support/bare-sqlite.ts'
import { compare, timed, type Bench } from '../support/figure.ts'
import { inFolder } from '../support/folder.ts'

const EVENTS = 1000
const BLOCK = 50
const DATA = { id: 'item-1', status: 'completed', text: 'x'.repeat(400), attempt: 1 }

/** Appending events durably, one commit each, and reading them all back. */
export const record: Bench = {
  name: 'record',
  measure: async ({ quick }) =>
    inFolder(async (folder) => {
      const store = RecordStore.open(join(folder, 'home'))
      const bare = new BareLog(join(folder, 'bare.db'))
      const append = async (): Promise<void> => {
        for (let n = 0; n < BLOCK; n++) {
          await store.write((tx) => appendEvents(tx, store.now(), [{ type: 'item.message', run: 'r', data: DATA }]))
        }
      }
      const appendBare = (): void => {
        for (let n = 0; n < BLOCK; n++) bare.append('item.message', 'r', DATA)
      }
      const appends: number[] = []
      const bareAppends: number[] = []
      for (let done = 0; done < EVENTS; done += BLOCK) {
        appends.push((await timed(append)) / BLOCK)
        bareAppends.push((await timed(appendBare)) / BLOCK)
      }
      const reads: number[] = []
      const bareReads: number[] = []
      for (let round = 0; round < (quick ? 5 : 15); round++) {
        reads.push(await timed(() => readEvents(store.read, { from: 1, run: 'r' })))
        bareReads.push(await timed(() => bare.read()))
      }
      await store.close()
      bare.close()
      return [
        compare(
          'append an event durably',
          'ms',
          appends,
          { what: 'bare node:sqlite insert', values: bareAppends },
          {
            published: 'OpenHands: 0.166 ms (file lock and JSON file, not synced)',
          },
        ),
        compare(
          'replay 1,000 events',
          'ms',
          reads,
          { what: 'bare node:sqlite select', values: bareReads },
          {
            published: 'OpenHands: 29.5 ms',
          },
        ),
      ]
    }),
}
