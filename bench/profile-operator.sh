#!/bin/sh
# Where the CPU time of an operator call goes, by whose code it is, with perf: bench/profile-operator.sh [LOOP] [CALLS]
# LOOP as in bench/ours/loops.ts. First come nanoseconds a call of ours and of the Python in XPMIR_PYTHON, without perf:
# `cpu` is what the process computed, which other work on the machine changes least.
set -eu
loop=${1:-add-4x4}
calls=${2:-16000000}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$(dirname "$0")/.."
request="{\"case\": \"$loop\", \"iterations\": $calls, \"settled\": 0}"
printf 'Python: '
echo "$request" | "${XPMIR_PYTHON:-python3}" bench/reference/worker.py 1 | tail -1

mkfifo "$directory/requests"
node --import tsx bench/ours/worker.ts 1 < "$directory/requests" > "$directory/replies" &
worker=$!
exec 3> "$directory/requests"
# Prints the line of its output that answers; the first one is its greeting.
ask() {
  echo "$request" >&3
  until [ "$(wc -l < "$directory/replies")" -ge "$1" ]; do
    kill -0 "$worker"
    sleep 0.2
  done
  sed -n "$1p" "$directory/replies"
}
printf 'ours:   %s\n\n' "$(ask 2)"
perf record -q -F 499 -p "$worker" -o "$directory/data" 3>&- &
recorder=$!
sleep 1
ask 3 > /dev/null
exec 3>&-
wait "$worker" "$recorder"

perf report -i "$directory/data" --no-children -g none --sort dso,symbol --field-separator ';' --stdio 2> /dev/null |
  awk -F ';' '
    function of(library, name) {
      if (name ~ /tls_get_addr/ || library ~ /libc10/) return "c10 and thread-local storage"
      if (library ~ /libtorch/) return "libtorch"
      if (name ~ /malloc|calloc|memalign|free|_int_|unlink_chunk|operator (new|delete)/) return "malloc and free"
      if (library ~ /addon/) return "our native code"
      if (library ~ /^node/) return "Node and V8"
      if (library ~ /JIT|anon|perf-/) return "compiled JavaScript"
      if (library ~ /kernel/) return "kernel"
      return "other libraries"
    }
    !/^#/ && NF >= 3 { gsub(/ +$/, "", $2); share[of($2, $3)] += $1 }
    END { for (each in share) printf "%5.1f %%  %s\n", share[each], each }' |
  sort -rn
