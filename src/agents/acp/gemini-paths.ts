import { homedir } from 'node:os'
import { join } from 'node:path'
import type { OwnPaths } from '../port.ts'

/** Where Gemini CLI stores its login and settings. */
export function geminiPaths(env: Readonly<Record<string, string>>): OwnPaths {
  const folder = join(env.HOME ?? homedir(), '.gemini')
  return {
    settings: [folder],
    kept: [],
    renewed: ['oauth_creds.json', 'google_accounts.json'].map((name) => join(folder, name)),
  }
}
