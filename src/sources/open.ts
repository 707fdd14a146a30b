import { BelayError } from '../core/errors.ts'
import { openOpenSpec } from './openspec.ts'
import type { Source, SourceFiles } from './port.ts'
import { promptSource } from './prompt.ts'
import { quote } from './problems.ts'
import type { SourcePointer } from './resolve.ts'
import { openSpecKit } from './spec-kit.ts'

/**
 * Opens what `resolveSource` found, reading only through `files` (of the base commit). Everything needed is read once; to see
 * later changes of the files, open it again. Throws (exit 2) `prompt_empty`, `source_incomplete` (documents are missing),
 * `source_invalid` (lists every problem with file and line), `source_empty`, `source_unreadable`.
 */
export async function openSource(pointer: SourcePointer, files: SourceFiles): Promise<Source> {
  if (pointer.kind === 'prompt') return promptSource(pointer.text)
  // oxlint-disable-next-line no-control-regex -- the path becomes a line of prompts and commits
  if (/[\u0000-\u001f\u007f]/.test(pointer.dir)) {
    throw new BelayError('source_invalid', `The folder name ${quote(pointer.dir)} holds control characters`, {
      expected: 'a folder name that fits in a line',
      received: quote(pointer.dir),
      next: 'rename the folder',
    })
  }
  return pointer.kind === 'spec-kit' ? openSpecKit(pointer.dir, files) : openOpenSpec(pointer.dir, files)
}
