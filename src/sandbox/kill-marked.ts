/** Environment variable that marks the processes of one program in a machine or container that cannot be observed otherwise. */
export const EXEC_ID = 'BELAY_EXEC'

/** For /bin/sh: kills the process groups of all processes whose EXEC_ID is `$1`. */
export const KILL_MARKED = `for e in /proc/[0-9]*/environ; do
  tr '\\0' '\\n' 2>/dev/null <"$e" | grep -qx "${EXEC_ID}=$1" || continue
  p=\${e#/proc/}; p=\${p%/environ}
  read -r line 2>/dev/null <"/proc/$p/stat" || continue
  set -- "$1" \${line##*) }
  kill -9 "-$4" "$p" 2>/dev/null
done; :`
