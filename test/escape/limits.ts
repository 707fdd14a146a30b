import type { Attempt } from './attempt.ts'

/** More than a policy's limits allow. */
export const LIMITED: readonly Attempt[] = [
  {
    name: 'many-processes',
    tries: 'start more and more processes',
    limits: true,
    script: (m) => `n=0; while [ $n -lt 80 ]; do sleep 3 & n=$((n + 1)); done; echo ${m.token}; kill $(jobs -p)`,
  },
  {
    name: 'much-memory',
    tries: 'take more and more memory',
    limits: true,
    script: (m) => `perl -e '$x = "x" x (300 << 20); print "${m.token}" if length $x == 300 << 20'`,
  },
]
