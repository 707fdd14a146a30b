import { describe, expect, it } from 'vitest'
import { seccompFilter } from './seccomp.ts'

/** Runs a filter as the kernel does. */
function judge(filter: Buffer, call: { arch: number; number: number; args?: readonly number[] }): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(call.number, 0)
  data.writeUInt32LE(call.arch >>> 0, 4)
  for (const [index, value] of (call.args ?? []).entries()) data.writeUInt32LE(value >>> 0, 16 + 8 * index)
  let accumulator = 0
  for (let at = 0; at < filter.length / 8; at++) {
    const code = filter.readUInt16LE(at * 8)
    const value = filter.readUInt32LE(at * 8 + 4)
    const jump = (met: boolean): void => void (at += filter.readUInt8(at * 8 + (met ? 2 : 3)))
    if (code === 0x20) accumulator = data.readUInt32LE(value)
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0
    else if (code === 0x15) jump(accumulator === value)
    else if (code === 0x35) jump(accumulator >= value)
    else if (code === 0x06) return value
    else throw new Error(`the kernel has no instruction ${code}`)
  }
  throw new Error('the program ends without an answer')
}

const ALLOW = 0x7fff0000
const EPERM = 0x00050001
const ENOSYS = 0x00050026

describe.each([
  {
    name: 'x64',
    arch: 0xc000003e,
    socket: 41,
    pair: 53,
    clone: 56,
    mount: 165,
    read: 0,
    fchmod: 91,
    openat: 257,
    ioctl: 16,
    fcntl: 72,
  },
  {
    name: 'arm64',
    arch: 0xc00000b7,
    socket: 198,
    pair: 199,
    clone: 220,
    mount: 40,
    read: 63,
    fchmod: 52,
    openat: 56,
    ioctl: 29,
    fcntl: 25,
  },
])('the filter of $name', ({ name, arch, socket, pair, clone, mount, read, fchmod, openat, ioctl, fcntl }) => {
  const filter = seccompFilter(name) as Buffer
  const of = (number: number, ...args: number[]): number => judge(filter, { arch, number, args })

  it.each([
    ['an ordinary call', of(read, 3), ALLOW],
    ['an internet socket', of(socket, 2, 1), ALLOW],
    ['an internet socket of version 6', of(socket, 10, 1), ALLOW],
    ['a netlink socket', of(socket, 16, 3), ALLOW],
    ['a Unix socket', of(socket, 1, 1), EPERM],
    ["a socket to a virtual machine's host", of(socket, 40, 1), EPERM],
    ['a pair of streams', of(pair, 1, 1), ALLOW],
    ['a pair of datagram sockets, closed on exec', of(pair, 1, 2 | 0o2000000), EPERM],
    ['a new process', of(clone, 17), ALLOW],
    ['a new process in a user namespace', of(clone, 0x10000000 | 17), EPERM],
    ['clone3', of(435), ENOSYS],
    ['io_uring', of(425), EPERM],
    ['a mount', of(mount), EPERM],
    ['a mode', of(fchmod, 3, 0o755), ALLOW],
    ['a mode that sets the user', of(fchmod, 3, 0o4755), EPERM],
    ['a mode that sets the group', of(fchmod, 3, 0o2755), EPERM],
    ['a file opened', of(openat, 0, 0, 0, 0o4755), ALLOW],
    ['a file made', of(openat, 0, 0, 0o101, 0o644), ALLOW],
    ['a file made that sets the user', of(openat, 0, 0, 0o101, 0o4755), EPERM],
    ['an unnamed file', of(openat, 0, 0, 0o20200002, 0o644), ALLOW],
    ['an unnamed file that sets the user', of(openat, 0, 0, 0o20200002, 0o4755), EPERM],
    ["an unnamed file that sets the group, with arm64's bit for folders", of(openat, 0, 0, 0o20040002, 0o2755), EPERM],
    ['openat2', of(437, 0, 0, 0, 24), ENOSYS],
    ['a lock of a file', of(fcntl, 3, 6), ALLOW],
    ['a lease on a file', of(fcntl, 3, 1024), EPERM],
    ['a look at the terminal', of(ioctl, 0, 0x5401), ALLOW],
    ['typing into the terminal', of(ioctl, 0, 0x5412), EPERM],
    ['a call of another architecture', judge(filter, { arch: 0x40000003, number: read }), ENOSYS],
  ])('%s', (_, answer, expected) => expect(answer).toBe(expected))
})

it('knows no other architecture, and no second table of numbers', () => {
  expect(seccompFilter('riscv64')).toBeNull()
  expect(judge(seccompFilter('x64') as Buffer, { arch: 0xc000003e, number: 0x40000000 | 41, args: [1] })).toBe(ENOSYS)
})
