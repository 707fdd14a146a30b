import { readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { readFrontmatter } from './frontmatter.ts'
import { readInside } from './read-inside.ts'
import type { Places } from './places.ts'

/** A skill as the prompt names it. The agent loads the rest when it needs it. */
export interface Skill {
  readonly name: string
  readonly description: string
  /** Absolute path of its SKILL.md. */
  readonly path: string
  /** The skill's folder, which the agent may read. */
  readonly folder: string
  /** null: the skill names none. */
  readonly allowedTools: readonly string[] | null
}

export interface Skills {
  readonly skills: readonly Skill[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
}

const MAX_SKILL = 200_000
const MAX_DESCRIPTION = 1024

/**
 * Loads all skills: `skills/` of the user's folder, then `.claude/skills` and `.belay/skills` of the repository's root and of
 * the workspace. A later skill replaces an earlier one of the same name. An unusable file is left out with the reason.
 */
export async function loadSkills({ projectFolders, userFolder }: Places): Promise<Skills> {
  const root = projectFolders[0]
  const project = [...new Set([root, projectFolders.at(-1)])].filter((folder) => folder !== undefined)
  const sources = [
    ...(userFolder === null ? [] : [{ folder: join(userFolder, 'skills'), within: userFolder }]),
    ...project.flatMap((folder) =>
      ['.claude', '.belay'].map((name) => ({ folder: join(folder, name, 'skills'), within: root ?? folder })),
    ),
  ]
  const found = new Map<string, Skill>()
  const problems: string[] = []
  for (const { folder, within } of sources) {
    for (const name of await foldersIn(folder)) {
      const skill = await readSkill(join(folder, name), name, within)
      if (typeof skill === 'string') problems.push(skill)
      else if (skill !== null) found.set(skill.name, skill)
    }
  }
  return { skills: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), problems }
}

/** A skill, null if there is no SKILL.md, or a sentence that says what is wrong with it. */
async function readSkill(folder: string, name: string, within: string): Promise<Skill | string | null> {
  const path = join(folder, 'SKILL.md')
  const read = await readInside(path, within, MAX_SKILL)
  if (read === null) return null
  if ('problem' in read) return read.problem
  try {
    const { data } = await readFrontmatter(read.text, path)
    const described = typeof data.description === 'string' ? data.description.replace(/\s+/g, ' ').trim() : ''
    if (described === '') return `${path} has no description; the skill was left out`
    if (data.name !== undefined && data.name !== name)
      return `${path} is named ${JSON.stringify(data.name)} and lies in "${name}"; the skill was left out`
    return {
      name,
      description: head(described, MAX_DESCRIPTION),
      path: read.path,
      folder: dirname(await realpath(path)),
      allowedTools: toolsOf(data['allowed-tools']),
    }
  } catch (error) {
    return `${messageOf(error)}; the skill was left out`
  }
}

/** Accepts a list, or names in one line. A name may have arguments in brackets, spaces included: `Bash(git add:*)`. */
function toolsOf(value: unknown): readonly string[] | null {
  if (typeof value === 'string') return value.match(/(?:\([^)]*\)?|[^\s,(])+/g) ?? []
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : null
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isDirectory() || entry.isSymbolicLink() ? [entry.name] : [])).sort()
  } catch {
    return [] // no such folder
  }
}
