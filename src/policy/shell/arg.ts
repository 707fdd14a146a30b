/** What is known about one argument of a command without running the shell. */
export interface Arg {
  /** As written in the command line. */
  readonly raw: string
  /** `static`: exactly `value`. `glob`: file names that match the pattern `value`. `dynamic`: only `head` is known. */
  readonly kind: 'static' | 'glob' | 'dynamic'
  readonly value: string
  /** What the argument certainly begins with; the whole value if it is static. */
  readonly head: string
  /** Whether it may become no word, or several. */
  readonly many: boolean
}

/** A static argument. */
export function known(value: string, raw = value): Arg {
  return { raw, kind: 'static', value, head: value, many: false }
}

/** An argument of which at most the beginning is known. */
export function unknown(raw: string, head = '', many = true): Arg {
  return { raw, kind: 'dynamic', value: raw, head, many }
}

/** Whether the argument may become an option, because nothing else is known to come first. */
export function mayBeFlag(arg: Arg): boolean {
  return arg.kind !== 'static' && (arg.head === '' || arg.head.startsWith('-'))
}

/** Whether the argument certainly begins like an option. `-` alone is a file. */
export function isFlag(arg: Arg): boolean {
  return arg.head.startsWith('-') && !(arg.kind === 'static' && arg.value === '-')
}
