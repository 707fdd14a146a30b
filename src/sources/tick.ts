import type { Item } from './outline.ts'

/**
 * `text` with the box of `item` set to `mark`, and the boxes below it too (they are its criteria, so they hold when it
 * is done) except those of tasks of their own. Nothing but what stands between the brackets changes; boxes that are
 * ticked stay as they are.
 */
export function tickBoxes(text: string, item: Item, mark: 'x' | 'X', isOwnTask: (item: Item) => boolean): string {
  const boxes = [...openBoxes(item, isOwnTask)].toSorted((a, b) => b.start - a.start)
  return boxes.reduce((edited, box) => edited.slice(0, box.start) + mark + edited.slice(box.end), text)
}

function* openBoxes(item: Item, isOwnTask: (item: Item) => boolean): Iterable<{ start: number; end: number }> {
  if (item.box && !/^[xX]$/.test(item.box.mark)) yield item.box
  for (const part of item.body) {
    if (typeof part !== 'string' && !isOwnTask(part)) yield* openBoxes(part, isOwnTask)
  }
}
