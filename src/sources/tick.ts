import type { Item } from './outline.ts'

/**
 * `text` with the box of `item` set to `mark`, together with the boxes below it (its criteria, which hold when it is done),
 * except those of other tasks. Changes nothing but the text between the brackets. Boxes that are already ticked stay as they
 * are.
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
