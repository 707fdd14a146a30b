import { join } from 'node:path'
import type { Refusal, SandboxPolicy } from './port.ts'
import { unenforceable } from './refusal.ts'
import { isWithin, real } from './paths.ts'

/**
 * A policy with its paths resolved now, so that a program cannot redirect a path later by putting a link in its place
 * (`stillCanonical`). Refused if a link leads out of a folder that programs may write, because an earlier program may have
 * created it.
 */
export function canonicalPolicy(
  policy: SandboxPolicy,
): { readonly policy: SandboxPolicy } | { readonly refusal: Refusal } {
  const given = [...policy.write, ...policy.read, ...policy.own]
  const planted = policy.access === 'full' ? undefined : given.find((path) => isPlanted(path, policy))
  if (planted !== undefined) {
    const where = real(planted)
    const next = `name ${where} if that is meant, else remove the link`
    return {
      refusal: unenforceable(`${planted} leads to ${where} by a link that a program could have put there`, next),
    }
  }
  const now = (paths: readonly string[]): readonly string[] => paths.map(real)
  const { write, denyRead, read, own } = policy
  return {
    policy: { ...policy, write: now(write), denyRead: now(denyRead), read: now(read), own: now(own) },
  }
}

/** Those paths of a canonical policy that still resolve to themselves. */
export function stillCanonical(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => real(path) === path)
}

function isPlanted(path: string, policy: SandboxPolicy): boolean {
  return [policy.workspace, ...policy.write].some((folder) =>
    [folder, real(folder)].some(
      (base) => base !== path && isWithin(path, base) && real(path) !== join(real(base), path.slice(base.length)),
    ),
  )
}
