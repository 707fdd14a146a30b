import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTimeOf } from '../process/index.ts'
import { checkSigning, identity } from './identity.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
let folder: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** A signing program in place of gpg. */
function signWith(script: string): void {
  const program = join(folder, 'sign')
  writeFileSync(program, `#!/bin/sh\n${script}\n`)
  chmodSync(program, 0o755)
  repo.git('config', 'commit.gpgsign', 'true')
  repo.git('config', 'gpg.program', program)
}

const GOOD_SIGNATURE = `cat >/dev/null
echo "[GNUPG:] SIG_CREATED D 1 2 3" >&2
echo "-----BEGIN PGP SIGNATURE-----"; echo; echo "abc"; echo "-----END PGP SIGNATURE-----"`

test('the identity is what the user has set', async () => {
  repo.git('config', 'user.name', 'Ada <odd> Löve')
  const { author, committer } = await identity(repo.root)
  expect(author.email).toBe('ada@example.test')
  expect(author).toEqual(committer)
})

test('a guessed identity does not count', async () => {
  repo.git('config', 'user.name', '')
  await expect(identity(repo.root)).rejects.toMatchObject({
    code: 'identity_missing',
    exit: 2,
    next: expect.stringContaining('git config --global user.name'),
  })
})

test('nothing is signed unless the user signs', async () => {
  expect(await checkSigning(repo.root)).toBe(false)
  repo.git('config', 'commit.gpgsign', 'no')
  expect(await checkSigning(repo.root)).toBe(false)
})

test('a key that signs by itself is used, and the trial leaves no object behind', async () => {
  signWith(GOOD_SIGNATURE)
  const before = repo.git('count-objects', '-v')
  expect(await checkSigning(repo.root)).toBe(true)
  expect(repo.git('count-objects', '-v')).toBe(before)
})

test('a real ssh key signs', async () => {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')])
  repo.git('config', 'commit.gpgsign', 'true')
  repo.git('config', 'gpg.format', 'ssh')
  repo.git('config', 'user.signingkey', join(folder, 'key.pub'))
  expect(await checkSigning(repo.root)).toBe(true)
})

test('a key that fails is refused with its words and the way out', async () => {
  signWith('echo "no secret key" >&2; exit 2')
  await expect(checkSigning(repo.root)).rejects.toMatchObject({
    code: 'signing_failed',
    exit: 2,
    received: expect.stringContaining('failed to sign'),
    next: expect.stringContaining('git.sign: off'),
  })
})

test('a key that would ask is ended, with everything that it started', async () => {
  signWith(`echo $$ >"${folder}/pid"; mkfifo "${folder}/never"; cat "${folder}/never"`)
  await expect(checkSigning(repo.root, 5000)).rejects.toMatchObject({
    code: 'signing_failed',
    received: expect.stringContaining('waits for an answer'),
  })
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
  await expect.poll(() => startTimeOf(pid)).toBeNull() // the kernel takes a moment to remove it
})

test('a key that needs a terminal finds none', async () => {
  signWith(`if (: </dev/tty) 2>/dev/null; then echo asked; else echo none; fi >"${folder}/terminal"; exit 1`)
  await expect(checkSigning(repo.root)).rejects.toMatchObject({ code: 'signing_failed' })
  expect(readFileSync(join(folder, 'terminal'), 'utf8')).toBe('none\n')
})
