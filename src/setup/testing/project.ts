/** Temporary git projects with a few files, and a PATH with programs that do nothing. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterEach } from 'vitest'

const made: string[] = []

/** Call once per test file: removes what the tests created. */
export function removeProjects(): void {
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
  })
}

/** A new folder, removed after the test. */
export function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'belay-setup-')))
  made.push(path)
  return path
}

/** Writes files, given by path; a text that begins with `#!` becomes executable. */
export function put(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    if (text.startsWith('#!')) chmodSync(path, 0o755)
  }
}

/** A git repository with these files in one commit. */
export function project(files: Readonly<Record<string, string>>): string {
  const root = folder()
  put(root, files)
  const git = (...args: string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@e.x', ...args], { cwd: root })
  git('init', '-q', '-b', 'main')
  git('add', '-A')
  git('commit', '-q', '--allow-empty', '-m', 'first')
  return root
}

/** An environment whose PATH has only these programs. */
export function envWith(...programs: string[]): Record<string, string> {
  const bin = folder()
  for (const name of programs) put(bin, { [name]: '#!/bin/sh\nexit 0\n' })
  const home = folder()
  return { PATH: [bin, '/usr/bin-of-nobody'].join(delimiter), HOME: home, XDG_CONFIG_HOME: join(home, 'config') }
}
