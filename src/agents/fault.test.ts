import { expect, it } from 'vitest'
import { faultIn } from './fault.ts'

it.each([
  ['You have hit your usage limit', null, 'quota'],
  ['exceeded your current quota', 429, 'quota'],
  ['scripted status 429', null, 'rate_limit'],
  ['slow down', 429, 'rate_limit'],
  ['Incorrect API key provided', 401, 'auth'],
  ['API key not valid', null, 'auth'],
  ['scripted status 500', null, 'provider'],
  ['stream disconnected before completion', null, 'provider'],
  ['the model is unknown', 404, 'failed'],
  ['', null, 'failed'],
] as const)('%j with %s is %s', (text, status, code) => {
  expect(faultIn(text, status).code).toBe(code)
  expect(faultIn(text, status).message).not.toBe('')
})
