import type { Place, Values } from './model.ts'

/** The completion script for bash (3.2 and newer). */
export function bashScript(places: readonly Place[]): string {
  return `# Completion of belay for bash; made by: belay completion bash
_belay() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at='' takes='' n=0 i word words='' list='' files='' before='' one quoted
  local IFS=$' \\t\\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ -n $takes && $word == '=' ]]; then continue; fi
    if [[ -n $takes ]]; then takes=''; continue; fi
    case "$at $word" in
${arm(transitions(places), 'at="${at:+$at }$word"; n=0')}
${arm(valueFlags(places), 'takes="$word"')}
      *' -'*) ;;
      *) n=$((n + 1)) ;;
    esac
  done
  if [[ -n $takes && $cur == '=' ]]; then cur=''; fi
  if [[ -z $takes && $cur == --*=* ]]; then
    takes="\${cur%%=*}"
    before="$takes="
    cur="\${cur#*=}"
  fi
  if [[ -n $takes ]]; then
    case "$at $takes" in
${places.flatMap(flagValues).join('\n')}
    esac
  elif [[ $cur == -* ]]; then
    case "$at" in
${places.map((place) => `      ${quote(place.path)}) words=${quote(flagNames(place).join(' '))} ;;`).join('\n')}
    esac
  else
    case "$at $n" in
${places.flatMap(positions).join('\n')}
    esac
  fi
  # What a list holds comes from files of others: never let the shell expand it (compgen -W would).
  if [[ -n $list ]]; then
    while IFS=$'\\t' read -r one _; do
      printf -v quoted %q "$one"
      if [[ $one == "$cur"* || $quoted == "$cur"* ]]; then COMPREPLY+=("$before$quoted"); fi
    done < <(belay completion --list "$list" --typed="$(printf '%s\\n' "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" 2>/dev/null)
    if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
  else
    for one in $words; do
      if [[ $one == "$cur"* ]]; then COMPREPLY+=("$before$one"); fi
    done
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r one; do COMPREPLY+=("$before$one"); done < <(compgen -f -- "$cur")
  fi
}
complete -F _belay belay
`
}

function arm(patterns: readonly string[], action: string): string {
  return `      ${patterns.map(quote).join('|')}) ${action} ;;`
}

/** `PLACE WORD` for every word that leads to a command. */
export function transitions(places: readonly Place[]): string[] {
  return places.flatMap(({ path, subcommands }) => subcommands.map(({ name }) => `${path} ${name}`))
}

/** `PLACE FLAG` for every flag that takes a value. */
export function valueFlags(places: readonly Place[]): string[] {
  return places.flatMap(({ path, flags }) =>
    flags.filter(({ value }) => value !== null).flatMap(({ names }) => names.map((name) => `${path} ${name}`)),
  )
}

function flagNames(place: Place): string[] {
  return place.flags.flatMap(({ names }) => names)
}

function flagValues({ path, flags }: Place): string[] {
  return flags.flatMap(({ names, value }) => {
    const set = value === null ? null : assignment(value)
    return set === null ? [] : [`      ${names.map((name) => quote(`${path} ${name}`)).join('|')}) ${set} ;;`]
  })
}

function positions({ path, subcommands, positions: places }: Place): string[] {
  const first =
    subcommands.length === 0
      ? []
      : [`      ${quote(`${path} 0`)}) words=${quote(subcommands.map(({ name }) => name).join(' '))} ;;`]
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
      return `words=${quote(values.words.join(' '))}`
    case 'files':
      return 'files=y'
    case 'list':
      return `list=${values.list}${values.files ? ' files=y' : ''}`
  }
}

/** `text` as one word of bash or zsh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
