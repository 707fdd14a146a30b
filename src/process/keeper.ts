/**
 * The keeper: a small shell that stands between Belay and an agent or gate, in a session and process group of its own.
 *
 * File descriptors: 0 stdin, 1 stdout, 2 stderr, 3 control (Belay holds the other end), 4 status.
 * - When the control pipe closes, however Belay died, the whole group is killed.
 * - When the program ends, its exit status is written to 4 as a line; when its output has ended too, what is left of the
 *   group is killed and the keeper with it.
 * - Programs get real pipes: Node gives its children sockets, on which opening /dev/stdout or /dev/stdin fails.
 *
 * `$1` is `pipe` when stdin is to be handed on through a pipe, else stdin is used as it is. `$2` is `merged` when the program's
 * stderr is to go where its stdout goes. Descriptor 9, where there is one, is the program's alone.
 */
export const KEEPER = `
mode=$1; err=$2; shift 2
( read -r _ <&3; kill -9 0 ) </dev/null >/dev/null 2>&1 4>&- 9<&- &
if [ "$err" = merged ]; then
run() {
  { "$@" 2>&1 3<&- 4>&-; echo "$?" >&4; } | cat 3<&- 4>&- 9<&-
}
else
run() {
  {
    { "$@" 3<&- 4>&-; echo "$?" >&4; } 2>&1 1>&8 8>&- | cat 1>&2 3<&- 4>&- 8>&- 9<&-
  } 8>&1 | cat 3<&- 4>&- 9<&-
}
fi
if [ "$mode" = pipe ]; then cat 3<&- 4>&- 9<&- | run "$@"; else run "$@"; fi
kill -9 0
`
