import { quote, transitions, valueFlags } from './bash.ts'
import type { Place, Values } from './model.ts'

/** The completion script for zsh, to be sourced, or saved as `_belay` in a folder of `fpath`. */
export function zshScript(places: readonly Place[]): string {
  return `#compdef belay
# Completion of belay for zsh; made by: belay completion zsh
_belay() {
  local at='' takes='' list='' files='' word cur="\${words[CURRENT]}" n=0 i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ -n $takes ]]; then takes=''; continue; fi
    case "$at $word" in
      ${transitions(places).map(quote).join('|')}) at="\${at:+$at }$word"; n=0 ;;
      ${valueFlags(places).map(quote).join('|')}) takes="$word" ;;
      *' -'*) ;;
      *) n=$((n + 1)) ;;
    esac
  done
  if [[ -z $takes && $cur == --*=* ]]; then
    takes="\${cur%%=*}"
    compset -P '*='
  fi
  if [[ -n $takes ]]; then
    case "$at $takes" in
${places.flatMap(flagValues).join('\n')}
    esac
  elif [[ $cur == -* ]]; then
    case "$at" in
${places.map(flagsArm).join('\n')}
    esac
  else
    case "$at $n" in
${places.flatMap(positions).join('\n')}
    esac
  fi
  if [[ -n $list ]]; then
    found=("\${(@f)$(belay completion --list $list --typed="\${(F)words[2,CURRENT-1]}" 2>/dev/null)}")
    found=("\${(@)found//:/\\\\:}")
    found=("\${(@)found/$'\\t'/:}")
    found=("\${(@)found:#}")
  fi
  (( $#found )) && _describe belay found
  [[ -n $files ]] && _files
}
if [[ \${funcstack[1]} == _belay ]]; then _belay "$@"; else compdef _belay belay; fi
`
}

function flagsArm({ path, flags }: Place): string {
  return `      ${quote(path)}) found=(${described(flags.flatMap(({ names, summary }) => names.map((name) => ({ name, summary }))))}) ;;`
}

function flagValues({ path, flags }: Place): string[] {
  return flags.flatMap(({ names, value }) => {
    const set = value === null ? null : assignment(value)
    return set === null ? [] : [`      ${names.map((name) => quote(`${path} ${name}`)).join('|')}) ${set} ;;`]
  })
}

function positions({ path, subcommands, positions: places }: Place): string[] {
  const first = subcommands.length === 0 ? [] : [`      ${quote(`${path} 0`)}) found=(${described(subcommands)}) ;;`]
  const rest = places.flatMap((values, i) => {
    const set = assignment(values)
    return set === null ? [] : [`      ${quote(`${path} ${i}`)}) ${set} ;;`]
  })
  return [...first, ...rest]
}

function assignment(values: Values): string | null {
  switch (values.kind) {
    case 'nothing':
      return null
    case 'words':
      return `found=(${values.words.map(quote).join(' ')})`
    case 'files':
      return 'files=y'
    case 'list':
      return `list=${values.list}${values.files ? ' files=y' : ''}`
  }
}

/** `name:summary`, as _describe expects it. */
function described(all: readonly { readonly name: string; readonly summary: string }[]): string {
  return all.map(({ name, summary }) => quote(`${name.replaceAll(':', String.raw`\:`)}:${summary}`)).join(' ')
}
