import { expect, it } from 'vitest'
import { BelayError, knownFailure } from './errors.ts'

function thrown(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: it did not work`), { code, ...(path === undefined ? {} : { path }) })
}

it.each([
  [thrown('ENOSPC'), 'disk_full'],
  [thrown('EROFS', '/x'), 'disk_full'],
  [thrown('EACCES', '/x'), 'not_permitted'],
  [thrown('EPERM', '/x'), 'not_permitted'],
  [thrown('ENOTDIR', '/x'), 'folder_unusable'],
  [Object.assign(thrown('ENOENT', '/x'), { syscall: 'mkdir' }), 'folder_unusable'],
  [new BelayError('held', 'somebody has it', {}), 'held'],
])('what a user can mend is no fault of Belay: %s', (error, code) => {
  expect(knownFailure(error)).toMatchObject({ code, message: expect.stringContaining(error.message) })
  expect(knownFailure(error)).toBeInstanceOf(BelayError)
})

it.each([thrown('EACCES'), thrown('ENOENT', '/x'), new TypeError('x is not a function'), 'text', null])(
  'anything else stays what it is: %s',
  (error) => {
    expect(knownFailure(error)).toBe(error)
  },
)
