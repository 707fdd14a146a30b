import { expect, it } from 'vitest'
import { promptSource } from './prompt.ts'

it('is one task called prompt', () => {
  const text = `\uFEFF\r\nAdd a health check endpoint that answers with the version and the time since the start\r\n\r\nKeep it small.\r\n`
  const source = promptSource(text)
  expect(source).toMatchObject({ kind: 'prompt', feature: null, owned: [], warnings: [] })
  expect(source.tasks).toEqual([
    {
      handle: 'prompt',
      title: 'Add a health check endpoint that answers with the version and the time',
      done: false,
      dependsOn: [],
      criteria: [],
      subject: 'Add a health check endpoint that answers with the version and the time',
    },
  ])
  expect(source.implementPrompt('prompt').sections).toEqual([
    { title: 'Task', content: text.slice(1).replaceAll('\r\n', '\n').trim() },
  ])
  expect(source.reviewPrompt('prompt').instructions.length).toBeGreaterThan(3)
  expect(source.tick('prompt')).toBeNull()
  expect([source.resolve('prompt'), source.resolve('toString')]).toEqual(['prompt', null])
})

it.each(['', ' \n\t ', '\uFEFF', '\u0007'])('refuses %j', (text) => {
  expect(() => promptSource(text)).toThrow(expect.objectContaining({ code: 'prompt_empty', exit: 2 }))
})
