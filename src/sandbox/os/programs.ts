import { delimiter, dirname, isAbsolute } from 'node:path'
import type { ProcessSpec } from '../../process/index.ts'
import { real } from '../paths.ts'

/**
 * Folders with the files of a program and of the programs on its PATH: the folder itself, or the whole `node_modules` that
 * contains it. They must be visible inside, even where everything around them is private (an installation below /tmp).
 */
export function programFolders({ argv, env }: Pick<ProcessSpec, 'argv' | 'env'>): readonly string[] {
  const [program = ''] = argv
  const named = [...(isAbsolute(program) ? [dirname(program), dirname(real(program))] : []), ...onPath(env['PATH'])]
  return [...new Set(named.map((folder) => /^.*?\/node_modules(?=\/|$)/.exec(folder)?.[0] ?? folder))]
}

function onPath(path: string | undefined): readonly string[] {
  return (path ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
}
