import type { Attempt } from './attempt.ts'

/** Attempts to exceed a policy's limits. */
export const LIMITED: readonly Attempt[] = [
  {
    name: 'many-processes',
    tries: 'start more and more processes',
    limits: { pids: 40 },
    unsure: { gVisor: 'so few are not enough for gVisor itself, which does not start then' },
    script: (m) => `n=0; while [ $n -lt 80 ]; do sleep 3 & n=$((n + 1)); done; echo ${m.token}; kill $(jobs -p)`,
  },
  {
    name: 'much-memory',
    tries: 'take more and more memory',
    limits: { memoryBytes: 96 << 20 },
    script: (m) => `perl -e '$x = "x" x (300 << 20); print "${m.token}" if length $x == 300 << 20'`,
  },
  {
    name: 'much-processor-time',
    tries: 'take more and more of the processors (0.4 s of work within 4 s)',
    limits: { cpus: 0.05 },
    unsure: { gVisor: 'gVisor counts processor time by itself: what programs are told shows nothing' },
    script: (m) =>
      `perl -e '$end = time + 4; while (time < $end) { for (1 .. 1e4) {} ($u, $s) = times; if ($u + $s > 0.4) { print "${m.token}"; exit } }'`,
  },
]
