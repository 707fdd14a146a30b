/**
 * The seccomp filter of sandboxes on Linux, as the program that bwrap's `--seccomp` takes. It refuses calls even to a program
 * that finds a way around the namespaces. Programs of another architecture (also x32 and 32-bit x86) cannot make any call.
 *
 * sandbox-runtime has a helper for this, but that helper mounts its own /proc, in which root could write /proc/sys.
 */

interface Architecture {
  /** The kernel's AUDIT_ARCH_* constant. */
  readonly audit: number
  readonly calls: Readonly<Record<string, number>>
}

const SAME_EVERYWHERE = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  clone3: 435,
  openat2: 437,
  fchmodat2: 452,
  mount_setattr: 442,
} as const

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000003e,
    calls: {
      ...SAME_EVERYWHERE,
      open: 2,
      ioctl: 16,
      fcntl: 72,
      socket: 41,
      socketpair: 53,
      clone: 56,
      creat: 85,
      chmod: 90,
      fchmod: 91,
      syslog: 103,
      mknod: 133,
      pivot_root: 155,
      mount: 165,
      umount2: 166,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      openat: 257,
      mknodat: 259,
      fchmodat: 268,
      unshare: 272,
      perf_event_open: 298,
      open_by_handle_at: 304,
      setns: 308,
      bpf: 321,
      userfaultfd: 323,
    },
  },
  arm64: {
    audit: 0xc00000b7,
    calls: {
      ...SAME_EVERYWHERE,
      fcntl: 25,
      ioctl: 29,
      mknodat: 33,
      umount2: 39,
      mount: 40,
      pivot_root: 41,
      fchmod: 52,
      fchmodat: 53,
      openat: 56,
      unshare: 97,
      syslog: 116,
      socket: 198,
      socketpair: 199,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      clone: 220,
      perf_event_open: 241,
      open_by_handle_at: 265,
      setns: 268,
      bpf: 280,
      userfaultfd: 282,
    },
  },
}

/** Calls that are refused whatever their arguments. */
const REFUSED = [
  'setns',
  'mount',
  'umount2',
  'pivot_root',
  'open_tree',
  'move_mount',
  'fsopen',
  'fsconfig',
  'fsmount',
  'mount_setattr',
  'open_by_handle_at',
  'add_key',
  'request_key',
  'keyctl',
  'syslog',
  'bpf',
  'perf_event_open',
  'userfaultfd',
  // These would create sockets without a filtered call.
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
] as const

const EPERM = 1
const ENOSYS = 38
const ALLOW = 0x7fff0000
const refuse = (errno: number): number => 0x00050000 | errno

const LOAD = 0x20
const AND = 0x54
const JUMP_EQUAL = 0x15
const JUMP_NOT_BELOW = 0x35
const RETURN = 0x06

const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const O_CREAT = 0o100
/** What creates an unnamed file. `O_TMPFILE` has another bit too, whose value depends on the architecture. */
const TMPFILE = 0o20000000
const S_ISUID = 0o4000
const S_ISGID = 0o2000
const SOCK_DGRAM = 2
const CLONE_NEWUSER = 0x10000000
const F_SETLEASE = 1024
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

const argument = (index: number): Instruction => [LOAD, 0, 0, 16 + 8 * index]
const load = (offset: number): Instruction => [LOAD, 0, 0, offset]
const give = (value: number): Instruction => [RETURN, 0, 0, value]
const back: Instruction = load(0)

/** Calls that set a file mode, and the index of that argument. */
const setsUserId = [
  { name: 'chmod', mode: 1 },
  { name: 'fchmod', mode: 1 },
  { name: 'fchmodat', mode: 2 },
  { name: 'fchmodat2', mode: 2 },
  { name: 'creat', mode: 1 },
  { name: 'mknod', mode: 1 },
  { name: 'mknodat', mode: 2 },
] as const

/** Calls that set a mode if they create the file; the mode follows the flags. */
const opens = [
  { name: 'open', flags: 1 },
  { name: 'openat', flags: 2 },
] as const

const refuseSetUserId = (mode: number): Instruction[] => [
  argument(mode),
  [AND, 0, 0, S_ISUID | S_ISGID],
  [JUMP_EQUAL, 1, 0, 0],
  give(refuse(EPERM)),
]

/** The filter for this architecture; null: there is none. */
export function seccompFilter(arch: string = process.arch): Buffer | null {
  const known = ARCHITECTURES[arch]
  if (known === undefined) return null
  const call = (name: string): number => known.calls[name] as number
  /** Runs `body` if the call is `name`, then loads the number of the call again. */
  const on = (name: string, body: readonly Instruction[]): Instruction[] => [
    [JUMP_EQUAL, 0, body.length + 1, call(name)],
    ...body,
    back,
  ]
  const program: Instruction[] = [
    load(4),
    [JUMP_EQUAL, 1, 0, known.audit],
    give(refuse(ENOSYS)),
    back,
    // x32 uses another table of numbers.
    ...(arch === 'x64' ? ([[JUMP_NOT_BELOW, 0, 1, 0x40000000], give(refuse(ENOSYS))] as Instruction[]) : []),
    ...REFUSED.flatMap((name): Instruction[] => [[JUMP_EQUAL, 0, 1, call(name)], give(refuse(EPERM))]),
    // The arguments are behind a pointer, which a filter cannot read. Programs fall back to clone.
    ...on('clone3', [give(refuse(ENOSYS))]),
    // The network namespace does not confine other families: Unix sockets, those to a virtual machine's host, the kernel's own.
    ...on('socket', [
      argument(0),
      [JUMP_EQUAL, 3, 0, AF_INET],
      [JUMP_EQUAL, 2, 0, AF_INET6],
      [JUMP_EQUAL, 1, 0, AF_NETLINK],
      give(refuse(EPERM)),
    ]),
    // Refuse creating programs that run as their owner or group, which may be root. Opening with a mode creates such files too.
    ...setsUserId.flatMap(({ name, mode }) => (name in known.calls ? on(name, refuseSetUserId(mode)) : [])),
    ...opens.flatMap(({ name, flags }) =>
      name in known.calls
        ? on(name, [
            argument(flags),
            [AND, 0, 0, O_CREAT | TMPFILE],
            [JUMP_EQUAL, 4, 0, 0],
            ...refuseSetUserId(flags + 1),
          ])
        : [],
    ),
    // The arguments are behind a pointer here too. Programs fall back to openat.
    ...on('openat2', [give(refuse(ENOSYS))]),
    // Sockets of a datagram pair can send to any other socket.
    ...on('socketpair', [argument(1), [AND, 0, 0, 0xf], [JUMP_EQUAL, 0, 1, SOCK_DGRAM], give(refuse(EPERM))]),
    ...['clone', 'unshare'].flatMap((name) =>
      on(name, [argument(0), [AND, 0, 0, CLONE_NEWUSER], [JUMP_EQUAL, 0, 1, CLONE_NEWUSER], give(refuse(EPERM))]),
    ),
    // A lease on a file that the program can only read would keep its owner from writing to it.
    ...on('fcntl', [argument(1), [JUMP_EQUAL, 0, 1, F_SETLEASE], give(refuse(EPERM))]),
    ...on('ioctl', [argument(1), [JUMP_EQUAL, 1, 0, TIOCSTI], [JUMP_EQUAL, 0, 1, TIOCLINUX], give(refuse(EPERM))]),
    give(ALLOW),
  ]
  const bytes = Buffer.alloc(program.length * 8)
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(ifTrue, index * 8 + 2)
    bytes.writeUInt8(ifFalse, index * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4)
  }
  return bytes
}
