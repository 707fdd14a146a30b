#!/bin/sh
# A `command` agent as fast as a shell: does what the file <folder>/<role>-<task>-<attempt> says (a shell script, run in the
# workspace), then answers with what that script left in $answer, else well. The folder is named by INSTANT_AGENT.
folder=$INSTANT_AGENT
IFS= read -r request
field() {
  rest=${request#*\"$1\":\"}
  printf '%s' "${rest%%\"*}"
}
role=$(field role)
handle=$(field handle)
title=$(field title)
rest=${request##*\"attempt\":}
attempt=${rest%%[,\}]*}
echo "$role $handle $attempt" >>"$folder/turns"
answer=
script=$folder/$role-$handle-$attempt
[ ! -f "$script" ] || . "$script"
if [ -z "$answer" ]; then
  case $role in
    reviewer) answer='"verdict":"pass","overallRisk":"low","findings":[],"acceptanceChecks":[{"criterion":"'$title'","note":"looked","status":"pass"}]' ;;
    *) answer='"status":"implemented","assumptions":[],"notes":[],"unresolvedItems":[],"needsHumanAttention":false' ;;
  esac
fi
printf '{"type":"result","output":{"taskHandle":"%s","summary":"%s of %s",%s}}\n' "$handle" "$role" "$handle" "$answer"
