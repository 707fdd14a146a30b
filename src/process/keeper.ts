/**
 * The keeper: a small shell that stands between Belay and an agent or gate, in a session and process group of its own.
 *
 * File descriptors: 0 stdin, 1 stdout, 2 stderr, 3 control (Belay holds the other end), 4 status.
 * - When the control pipe closes, however Belay died, the whole group is killed.
 * - When the program ends, its exit status is written to 4 as a line; when its output has ended too, what is left of the
 *   group is killed and the keeper with it.
 * - Programs get real pipes: Node gives its children sockets, on which opening /dev/stdout or /dev/stdin fails.
 *
 * `$1` is `pipe` when stdin is to be handed on through a pipe, else stdin is used as it is.
 */
export const KEEPER = `
mode=$1; shift
( read -r _ <&3; kill -9 0 ) </dev/null >/dev/null 2>&1 4>&- &
run() {
  {
    { "$@" 3<&- 4>&-; echo "$?" >&4; } 2>&1 1>&8 8>&- | cat 1>&2 3<&- 4>&- 8>&-
  } 8>&1 | cat 3<&- 4>&-
}
if [ "$mode" = pipe ]; then cat 3<&- 4>&- | run "$@"; else run "$@"; fi
kill -9 0
`
