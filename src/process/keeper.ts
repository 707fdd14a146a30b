/**
 * The keeper: a small shell between Belay and an agent or gate, in its own session and process group.
 *
 * File descriptors: 0 stdin, 1 stdout, 2 stderr, 3 control (Belay holds the other end), 4 status.
 * - When the control pipe closes, however Belay died, the keeper kills the whole group.
 * - When the program ends, its exit status is written to descriptor 4 as one line. When its output has ended as well, the
 *   keeper kills what is left of the group, itself included.
 * - Programs get real pipes. Node would give its children sockets, and opening /dev/stdout or /dev/stdin fails on those.
 *
 * `$1` is `pipe` if stdin must be passed on through a pipe; otherwise the program gets the keeper's stdin. `$2` is `merged` if
 * the program's stderr must go to its stdout. Descriptor 9, if open, is passed to the program only.
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
