import { closeSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { BelayError } from '../../core/errors.ts'
import { nearest, printable } from '../../core/text.ts'
import { readFrontmatter } from '../definitions/frontmatter.ts'
import type { Skill } from '../definitions/skills.ts'
import type { Tool } from '../port.ts'
import { openToRead, rulesOf, type Rules } from './paths/index.ts'
import { walk } from './search/walk.ts'
import { ALLOW, defineTool, done } from './tool.ts'

const BODY_MAX = 200_000
const FILES = 50
const LOOK_MS = 1000
/** Where the skill format comes from, `allowed-tools` grants the use of tools without asking. */
const GRANTS_NOTHING =
  'Its allowed-tools give no leave here: what has to be approved is asked for as before, and other tools stay usable.'

/** Loads one of `skills` by name. Its instructions only enter the conversation when the tool is called. */
export function skillTool(skills: readonly Skill[]): Tool {
  return defineTool({
    name: 'skill',
    description:
      'Loads a skill: instructions for one kind of work, from the list of skills in your instructions. Use it before you begin such work; then read its further files when they are needed.',
    input: z.strictObject({ name: z.string().min(1).describe('The name of the skill.') }),
    effect: 'read',
    title: ({ name }) => `skill: ${name}`,
    demand: () => ALLOW,
    async run({ name }, context) {
      const skill = find(skills, name)
      const rules = rulesOf({ ...context, readable: [...context.readable, skill.folder] })
      const text = await bodyOf(skill, rules)
      const { files } = walk(skill.folder, rules, true, (path) => path !== 'SKILL.md', {
        until: performance.now() + LOOK_MS,
        entries: 2000,
      })
      const names = files.map(({ path }) => printable(path)).sort()
      const more = names.length > FILES ? [`- [${names.length - FILES} more]`] : []
      const list =
        names.length === 0 ? [] : ['Its files:', ...names.slice(0, FILES).map((path) => `- ${path}`), ...more]
      const grants = skill.allowedTools === null ? [] : [GRANTS_NOTHING]
      return done([`Skill ${skill.name}, in ${skill.folder}`, ...grants, ...list, '', text].join('\n'))
    },
  })
}

function find(skills: readonly Skill[], name: string): Skill {
  const skill = skills.find((one) => one.name === name)
  if (skill) return skill
  const names = skills.map((one) => one.name)
  const near = nearest(name, names)
  throw new BelayError('unknown_skill', `there is no skill ${printable(name)}`, {
    next: near !== null ? `did you mean ${near}?` : `the skills are: ${names.join(', ') || 'none'}`,
  })
}

/** The text below the frontmatter. */
async function bodyOf({ path }: Skill, rules: Rules): Promise<string> {
  const { fd, stat } = openToRead(path, rules)
  try {
    if (stat.size > BODY_MAX) {
      throw new BelayError('skill_too_big', `${path} has ${stat.size} bytes; at most ${BODY_MAX} are loaded`)
    }
    return (await readFrontmatter(readFileSync(fd, 'utf8'), path)).body
  } finally {
    closeSync(fd)
  }
}
