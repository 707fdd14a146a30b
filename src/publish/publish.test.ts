import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encode, envelope, type Owner } from './envelope.ts'
import type { Feed } from './feed.ts'
import { Publisher } from './publisher.ts'
import { redactor } from './redact.ts'
import { isSubject, subjectOf } from './subject.ts'

const OWNER: Owner = { project: 'p1', run: 'r1', program: 'direct', host: 'h' }

function event(data: Record<string, unknown>, type = 'item.message') {
  return {
    seq: 7,
    time: '2026-01-01T00:00:00.000Z',
    type,
    version: 1,
    project: 'p1',
    run: 'r1',
    task: 'T 1',
    session: null,
    actor: 'belay',
    data,
  }
}

describe('redact', () => {
  const redact = redactor({ HOUSE_TOKEN: 'very-private-value', SHORT_KEY: 'abc', PATH: '/usr/bin/private-tools' })

  it.each([
    ['a token of GitHub', `x ghp_${'A1b2'.repeat(9)} y`],
    ['a token of GitLab', 'glpat-abcdefghij0123456789'],
    ['a key of a model', 'sk-proj-abcdefghijklmnop1234'],
    ['a key of AWS', 'AKIAABCDEFGHIJKLMNOP'],
    ['a key of Google', `AIza${'Sy0_'.repeat(8)}abc`],
    ['a JWT', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl`],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'],
    ['a private key that was cut', '-----BEGIN PRIVATE KEY-----\nMIIE'],
    ['a header', 'Authorization: Bearer abcdefghij0123456789'],
    ['a password in a URL', 'https://me:hunter22@host/x'],
    ['a setting', 'password = "correct-horse"'],
    ['a value of the environment', 'it is very-private-value!'],
  ])('takes out %s', (_, text) => {
    const clean = redact(text)
    expect(clean).toContain('[redacted]')
    for (const secret of [
      'ghp_',
      'glpat',
      'proj-',
      'AKIAAB',
      'c2lnb',
      'MIIE',
      'abcdefghij0',
      'hunter',
      'horse',
      'very-private',
    ]) {
      expect(clean).not.toContain(secret)
    }
  })

  it.each([
    'npm test passed: 12 tests',
    'git@github.com:me/x.git',
    'https://host:8080/path',
    'the token bucket',
    'abc',
    '/usr/bin/private-tools',
  ])('leaves %j', (text) => expect(redact(text)).toBe(text))
})

describe('encode', () => {
  const decode = (bytes: Uint8Array) =>
    JSON.parse(new TextDecoder().decode(bytes)) as { seq: number; data: Record<string, unknown> }

  it('cuts texts until all fits, wherever they are', () => {
    const one = envelope(
      event({ text: 'x'.repeat(50_000), list: [{ deep: 'y'.repeat(50_000) }], n: 5 }),
      1,
      OWNER,
      null,
    )
    const bytes = encode(one, 4096, (text) => text)
    expect(bytes.length).toBeLessThanOrEqual(4096)
    const { data } = decode(bytes)
    expect(data).toMatchObject({ n: 5, text: expect.stringContaining('characters left out') })
  })

  it('says what was left out when nothing helps', () => {
    const one = envelope(
      event(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i]))),
      1,
      OWNER,
      null,
    )
    const bytes = encode(one, 1024, (text) => text)
    expect(bytes.length).toBeLessThanOrEqual(1024)
    expect(decode(bytes)).toMatchObject({
      seq: 7,
      data: { truncated: true, bytes: expect.any(Number), keys: expect.arrayContaining(['key0']) },
    })
  })

  it('cuts and redacts what names the task and the agent as well', () => {
    const agent = {
      role: 'step',
      provider: 'engine',
      model: 'm'.repeat(5000),
      workspace: `/a/hush-hush/${'w'.repeat(5000)}`,
    }
    const keys = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}${'k'.repeat(100)}`, i]))
    for (const data of [{}, { text: 'x'.repeat(5000) }, keys]) {
      const one = envelope({ ...event(data), task: `T1-hush-hush-${'ö'.repeat(5000)}` }, 1, OWNER, agent)
      for (const max of [1024, 4096]) {
        const bytes = encode(one, max, (text) => text.replaceAll('hush-hush', '[redacted]'))
        expect(bytes.length).toBeLessThanOrEqual(max)
        expect(decode(bytes)).toMatchObject({ run_id: 'r1', task: expect.stringMatching(/^T1-\[redacted/) })
        expect(new TextDecoder().decode(bytes)).not.toContain('hush-hush')
      }
    }
  })

  it('does not cut in the middle of a character', () => {
    const bytes = encode(envelope(event({ text: '😀'.repeat(10_000) }), 1, OWNER, null), 2048, (text) => text)
    expect(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).not.toContain('\\ud83d')
  })

  it('names the agent and the workflow', () => {
    const agent = { role: 'reviewer', provider: 'claude', model: 'm', workspace: '/w' }
    expect(envelope(event({}), 3, { ...OWNER, program: 'workflow' }, agent)).toMatchObject({
      run_seq: 3,
      workflow_run_id: 'r1',
      agent_id: 'claude/m',
      agent_name: 'reviewer',
    })
  })
})

describe('subject', () => {
  const one = envelope(event({}, 'task.done'), 1, OWNER, null)

  it.each([
    ['belay.{project}.{run}.{type}', 'belay.p1.r1.task.done'],
    ['a.{task}', 'a.T_1'],
    ['a.{session}', 'a.-'],
  ])('%s', (template, subject) => {
    expect(isSubject(template)).toBe(true)
    expect(subjectOf(template, one)).toBe(subject)
  })

  it.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a.*', 'a.>', 'a.{nobody}', 'a.{run', '\n', `a${'.b'.repeat(200)}`])(
    'refuses %j',
    (template) => {
      expect(isSubject(template)).toBe(false)
    },
  )

  it('an event cannot make a subject of its own', () => {
    const hostile = envelope({ ...event({}, 'x.>.*. '), task: '../*.>' }, 1, OWNER, null)
    expect(subjectOf('a.{type}.{task}', hostile)).toMatch(/^[\w-]+(\.[\w-]+)*$/)
  })
})

describe('Publisher', () => {
  it('publishes what comes while the last batch is on its way', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'belay-publish-'))
    const events = [{ ...event({}), seq: 1 }]
    const sent: string[] = []
    const feed: Feed = {
      name: 'run r1',
      key: 'r1',
      cursor: join(dir, 'cursor.json'),
      owner: OWNER,
      read: (from, limit) => Promise.resolve(events.filter(({ seq }) => seq >= from).slice(0, limit)),
      agentOf: () => Promise.resolve(null),
    }
    const stopping: Promise<void>[] = []
    const publisher = new Publisher({
      feed,
      config: { subject: 'x', maxPayload: 4096, flushMs: 5000 },
      env: {},
      server: 'nats://test',
      note: (text) => expect.fail(text),
      open: () =>
        Promise.resolve({
          most: 4096,
          send: (_, id) => void sent.push(id),
          confirm() {
            // The run ends while the server has not confirmed yet.
            if (events.length === 1) events.push({ ...event({}, 'run.finished'), seq: 2 })
            stopping.push(publisher.stop())
            return Promise.resolve()
          },
          close: () => Promise.resolve(),
        }),
    })
    await expect.poll(() => stopping).not.toEqual([])
    await Promise.all(stopping)
    expect(sent).toEqual(['r1/1', 'r1/2'])
    rmSync(dir, { recursive: true })
  })
})

describe('what strangers choose', () => {
  it('a secret that begins another is not left in half', () => {
    const both = redactor({ FIRST_TOKEN: 'abcdefgh', SECOND_TOKEN: 'abcdefgh-and-more' })
    expect(both('abcdefgh-and-more')).toBe('[redacted]')
  })

  it('no word of a subject is empty, is two, or is without end', () => {
    const one = envelope(event({}, '..task..done.'), 1, OWNER, null)
    expect(subjectOf('a.{type}', one)).toBe('a.task.done')
    expect(subjectOf('a.{type}', envelope(event({}, '...'), 1, OWNER, null))).toBe('a.-')
    const long = { ...one, task: 'x'.repeat(5000) }
    expect(subjectOf('a.{task}', long)).toBe(`a.${'x'.repeat(100)}`)
  })

  it('names of data that is left out are short, and no secrets', () => {
    const key = `ghp_${'A1b2'.repeat(9)}`
    const data = { [key]: 1, ['k'.repeat(500)]: Array.from({ length: 5000 }, (_, n) => n) }
    const bytes = encode(envelope(event(data), 1, OWNER, null), 1024, redactor({}))
    const told = JSON.parse(new TextDecoder().decode(bytes)) as { data: { truncated: boolean; keys: string[] } }
    expect(bytes.length).toBeLessThanOrEqual(1024)
    expect(told.data.truncated).toBe(true)
    expect(told.data.keys[0]).toBe('[redacted]')
    for (const name of told.data.keys) expect(name.length).toBeLessThan(120)
  })
})
