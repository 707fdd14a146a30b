import { expect, it } from 'vitest'
import { opencodePaths } from './paths.ts'

it('takes an empty XDG variable for none', () => {
  const empty = { XDG_DATA_HOME: '', XDG_CONFIG_HOME: '', XDG_STATE_HOME: '', XDG_CACHE_HOME: '' }
  expect(opencodePaths({ HOME: '/home/me', ...empty })).toEqual(opencodePaths({ HOME: '/home/me' }))
  expect(opencodePaths({ HOME: '/home/me', ...empty, XDG_DATA_HOME: '/data' }).kept).toContain('/data/opencode')
})
