import { expect, it, vi } from 'vitest'
import { probeLinux } from './linux.ts'

vi.mock('./bwrap.ts', async (original) => ({
  ...(await original<typeof import('./bwrap.ts')>()),
  findTools: () => ({ bwrap: '/nonexistent/bwrap', program: Buffer.from('a filter') }),
  bwrapArgv: () => ['/nonexistent/bwrap'],
}))

it('a bubblewrap that cannot be started is a refusal that says why', async () => {
  expect(await probeLinux()).toMatchObject({ message: expect.stringContaining('ENOENT') as string })
})
