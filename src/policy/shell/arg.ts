/** What is known of one argument of a command without running the shell. */
export interface Arg {
  /** As it stands in the command line. */
  readonly raw: string
  /** `static`: exactly `value`. `glob`: some file names that fit the pattern `value`. `dynamic`: only `head` is known. */
  readonly kind: 'static' | 'glob' | 'dynamic'
  readonly value: string
  /** What it surely begins with; the whole value when it is static. */
  readonly head: string
  /** It may become no word, or several. */
  readonly many: boolean
}

/** An argument that is known. */
export function known(value: string, raw = value): Arg {
  return { raw, kind: 'static', value, head: value, many: false }
}

/** An argument of which only the beginning is known. */
export function unknown(raw: string, head = '', many = true): Arg {
  return { raw, kind: 'dynamic', value: raw, head, many }
}

/** It may turn out to be an option: nothing else is known to come first. */
export function mayBeFlag(arg: Arg): boolean {
  return arg.kind !== 'static' && (arg.head === '' || arg.head.startsWith('-'))
}

/** It is an option for sure, as far as its first character goes. `-` alone is a file. */
export function isFlag(arg: Arg): boolean {
  return arg.head.startsWith('-') && !(arg.kind === 'static' && arg.value === '-')
}
