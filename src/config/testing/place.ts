/** A temporary repository root and user folder for tests of the configuration. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { BelayError } from '../../core/errors.ts'
import { loadConfig, type LoadOptions, type LoadedConfig } from '../load.ts'

export let root: string
export let userDir: string

/** Call once per test file: every test gets fresh, empty folders. */
export function freshPlace(): void {
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'belay-config-'))
    userDir = join(root, 'user')
    mkdirSync(userDir)
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))
}

export function load(options: Partial<LoadOptions> = {}): Promise<LoadedConfig> {
  return loadConfig({ root, env: {}, userDir, ...options })
}

/** Loads the configuration with `text` as belay.yaml. */
export function yaml(text: string): Promise<LoadedConfig> {
  writeFileSync(join(root, 'belay.yaml'), text)
  return load()
}

/** The BelayError with which a promise rejects. */
export async function failure(promise: Promise<unknown>): Promise<BelayError> {
  const error: unknown = await promise.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(BelayError)
  return error as BelayError
}
