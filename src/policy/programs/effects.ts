/** How programs use the paths in their arguments. */
import { known, type Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import { flagSpec } from './flags.ts'
import { hasOption, spelled } from './options.ts'
import { optionPaths } from './outputs.ts'
import { looksLikePath, type PathUse } from './path-use.ts'

const none =
  'echo printf : true false sleep seq expr date kill pkill pgrep killall ps whoami id uname hostname which type pwd env export unset set shift exit return ' +
  'break continue wait jobs basename dirname tr yes nproc uptime free arch groups locale tty getconf umask ulimit trap alias unalias let local declare ' +
  'typeset readonly hash history test [ read mapfile readarray bc factor cal command builtin times getopts enable shopt fg bg disown caller'
const read =
  'cat head tail less more ls dir vdir stat file wc sort uniq cut diff cmp comm nl od xxd hexdump strings base64 base32 md5sum sha1sum sha256sum ' +
  'sha512sum cksum tree du df tac rev column fold fmt join paste find fd realpath readlink source . bat batcat zcat bzcat xzcat zless exa eza lsof ' +
  'colordiff diff3 sdiff shasum cd pushd tsort expand unexpand iconv jq yq grep egrep fgrep zgrep rg ag ack awk gawk mawk nawk sed gsed'
const patternFirst = 'grep egrep fgrep zgrep rg ag ack awk gawk mawk nawk sed gsed jq yq'
const write =
  'mkdir touch tee truncate install split csplit chmod chown chgrp chattr setfacl mkfifo mknod shred gzip gunzip bzip2 bunzip2 xz unxz zstd unzip zip ' +
  'patch dos2unix unix2dos ex ed vi vim nano emacs ln link'
const erase = 'rm rmdir unlink grm rimraf trash'

const NONE = new Set(none.split(' '))
const READ = new Set(read.split(' '))
const PATTERN_FIRST = new Set(patternFirst.split(' '))
const WRITE = new Set(write.split(' '))
const ERASE = new Set(erase.split(' '))
const COPIES = new Set(['cp', 'gcp', 'mv', 'rsync', 'scp'])

/** Whether it is known that this program changes none of its arguments' paths. */
export function isKnownReader(name: string): boolean {
  return NONE.has(name) || READ.has(name)
}

/** Programs that change nothing but what their arguments name. */
const BY_PATH = new Set('dd find tar bsdtar gtar curl gcc g++ cc c++ clang clang++'.split(' '))

/** Whether the paths in its arguments tell everything that this program changes. */
export function changesByArguments(name: string): boolean {
  return isKnownReader(name) || WRITE.has(name) || ERASE.has(name) || COPIES.has(name) || BY_PATH.has(name)
}

/** Every argument of `one` that is a path, with its effect. */
export function pathsOf(one: Invocation): PathUse[] {
  const { name } = one.program
  const uses = [...wordPaths(one), ...(NONE.has(name) ? [] : optionPaths(one))]
  if (name === 'dd') return uses.flatMap((use) => ddPaths(use))
  return uses
}

function wordPaths(one: Invocation): PathUse[] {
  const { name } = one.program
  const spec = flagSpec(name)
  const has = (flag: string): boolean => hasOption(one.parts, { name: flag, value: null }, spec) === 'yes'
  const { words } = one.parts
  const recursive = has('-r') || name === 'rimraf'
  if (NONE.has(name)) return []
  if (name === 'dd') return words.map((arg) => ({ arg, effect: 'touch', recursive: false }))
  if (ERASE.has(name)) return words.map((arg) => ({ arg, effect: 'delete', recursive }))
  if (COPIES.has(name) || name === 'install' || name === 'ln') return copies(one, name)
  if (name === 'find') return findPaths(one)
  if (WRITE.has(name)) {
    // For these, the first word is a mode or owner, not a path.
    const takesMode = ['chmod', 'chown', 'chgrp', 'chattr'].includes(name)
    const modeIsOption = has('--reference') || one.parts.options.some((option) => /^-[rwxXstugo]+$/.test(option.name))
    const skip = takesMode && !modeIsOption ? 1 : 0
    return words.slice(skip).map((arg) => ({ arg, effect: 'write', recursive: has('-R') }))
  }
  if (READ.has(name)) {
    const own = PATTERN_FIRST.has(name) && !has('-e') && !has('-f') ? 1 : 0
    const inPlace = /^(g?sed|yq)$/.test(name) ? has('-i') : /^g?awk$/.test(name) && editsInPlace(one)
    const output = name === 'uniq' || name === 'xxd' ? words[1] : undefined
    return words
      .slice(own)
      .map((arg) => ({ arg, effect: inPlace || arg === output ? 'write' : 'read', recursive: false }))
  }
  return words
    .map((arg) => (arg.value.startsWith('file://') ? known(arg.value.slice(7), arg.raw) : arg))
    .filter(looksLikePath)
    .map((arg) => ({ arg, effect: 'touch', recursive: false }))
}

/** `gawk -i inplace` */
function editsInPlace({ program, parts }: Invocation): boolean {
  const spec = flagSpec(program.name)
  return parts.options.some((option) => {
    const { name, value } = spelled(option, spec)
    return name === '-i' && value?.value === 'inplace'
  })
}

function copies(one: Invocation, name: string): PathUse[] {
  const { words } = one.parts
  const spec = flagSpec(name)
  const options = one.parts.options.map((option) => spelled(option, spec))
  const target = options.find((option) => /^(-t|--target-directory)$/.test(option.name))?.value
  const last = target ?? (words.length > 1 ? words.at(-1) : undefined)
  const sources = target || words.length < 2 ? words : words.slice(0, -1)
  const effect = name === 'mv' ? 'delete' : 'read'
  return [
    ...sources.map((arg): PathUse => ({ arg, effect, recursive: name === 'mv' })),
    ...(last ? [{ arg: last, effect: 'write', recursive: false } as const] : []),
  ].filter(({ arg }) => !((name === 'rsync' || name === 'scp') && isRemote(arg)))
}

function isRemote(arg: Arg): boolean {
  return arg.kind === 'static' && /^[\w.@-]+:|^rsync:\/\//.test(arg.value)
}

function findPaths(one: Invocation): PathUse[] {
  const end = one.args.findIndex((arg) => /^(-[^HLPDO]|[(!])/.test(arg.head))
  const roots = one.args.slice(0, end < 0 ? undefined : end).filter((arg) => !/^-[HLPDO]/.test(arg.head))
  const deletes = one.args.some((arg) => arg.value === '-delete')
  const starts = roots.length > 0 ? roots : [known('.')]
  const outputs = one.args.flatMap((arg, i) => {
    const next = one.args[i + 1]
    return /^-f(printf?0?|ls)$/.test(arg.value) && next
      ? [{ arg: next, effect: 'write', recursive: false } as const]
      : []
  })
  return [
    ...starts.map((arg): PathUse =>
      deletes ? { arg, effect: 'delete', recursive: true, within: true } : { arg, effect: 'read', recursive: false },
    ),
    ...outputs,
  ]
}

function ddPaths({ arg }: PathUse): PathUse[] {
  const operand = /^(if|of)=(.*)$/s.exec(arg.value)
  if (arg.kind !== 'static') return [{ arg, effect: 'touch', recursive: false }]
  if (!operand) return []
  return [{ arg: known(operand[2] ?? ''), effect: operand[1] === 'of' ? 'write' : 'read', recursive: false }]
}
