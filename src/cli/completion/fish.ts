import { transitions, valueFlags } from './bash.ts'
import type { Place, Values } from './model.ts'

/** The completion script for fish. */
export function fishScript(places: readonly Place[]): string {
  return `# Completion of belay for fish; made by: belay completion fish
function __belay_complete
    set -l at ''
    set -l takes ''
    set -l n 0
    set -l before (commandline -opc)
    set -l cur (commandline -ct)
    set -e before[1]
    for word in $before
        if test -n "$takes"
            set takes ''
            continue
        end
        switch "$at $word"
            case ${transitions(places).map(quote).join(' ')}
                set at (string trim -- "$at $word")
                set n 0
            case ${valueFlags(places).map(quote).join(' ')}
                set takes $word
            case '* -*'
            case '*'
                set n (math $n + 1)
        end
    end
    set -l prefix ''
    if test -z "$takes"; and string match -qr -- '^--[^=]+=' "$cur"
        set -l parts (string split -m 1 = -- $cur)
        set takes $parts[1]
        set prefix "$takes="
        set cur $parts[2]
    end
    begin
    if test -n "$takes"
        switch "$at $takes"
${places.flatMap(flagValues).join('\n')}
        end
    else if string match -q -- '-*' "$cur"
        switch "$at"
${places.map(flagsCase).join('\n')}
        end
    else
        switch "$at $n"
${places.flatMap(positions).join('\n')}
        end
    end
    end | while read -l line
        printf '%s%s\\n' $prefix $line
    end
end
complete -c belay -f -a '(__belay_complete)'
`
}

function flagsCase({ path, flags }: Place): string {
  const all = flags.flatMap(({ names, summary }) => names.map((name) => ({ name, summary })))
  return `            case ${quote(path)}\n                ${print(all)}`
}

function flagValues({ path, flags }: Place): string[] {
  return flags.flatMap(({ names, value }) => {
    const command = value === null ? null : offer(value)
    return command === null
      ? []
      : [`            case ${names.map((name) => quote(`${path} ${name}`)).join(' ')}\n                ${command}`]
  })
}

function positions({ path, subcommands, positions: places }: Place): string[] {
  const first =
    subcommands.length === 0 ? [] : [`            case ${quote(`${path} 0`)}\n                ${print(subcommands)}`]
  const rest = places.flatMap((values, i) => {
    const command = offer(values)
    return command === null ? [] : [`            case ${quote(`${path} ${i}`)}\n                ${command}`]
  })
  return [...first, ...rest]
}

function offer(values: Values): string | null {
  switch (values.kind) {
    case 'nothing':
      return null
    case 'files':
      return FILES
    case 'words':
      return `printf '%s\\n' ${values.words.map(quote).join(' ')}`
    case 'list': {
      const ask = `belay completion --list ${values.list} --typed=(string join \\n -- $before | string collect) 2>/dev/null`
      return values.files ? `${ask}\n                ${FILES}` : ask
    }
  }
}

const FILES = '__fish_complete_path "$cur"'

function print(all: readonly { readonly name: string; readonly summary: string }[]): string {
  return `printf '%s\\t%s\\n' ${all.map(({ name, summary }) => `${quote(name)} ${quote(summary)}`).join(' ')}`
}

/** Fish knows only two escapes inside single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`
}
