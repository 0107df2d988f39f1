#!/bin/sh
# Where the time of a training goes, by thread, library and function, with perf: bench/profile.sh NAME STEPS [eager]
# NAME as in bench/ours/learners.ts, such as knrm; xpmir-step is the thread of compiled steps. Of the threads named node, the
# first is JavaScript's, the others compile and collect for it. The start counts too: take steps for 10 seconds or more.
set -eu
name=${1:?name of a training, such as mlp}
steps=${2:?number of steps}
shift 2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$(dirname "$0")/.."
perf record -q -F 499 -o "$directory/data" -- \
  node --import tsx bench/ours/measure.ts peak "$name" "$steps" 1 "$@"
for sort in pid pid,dso pid,symbol; do
  printf '\nby %s\n' "$sort"
  perf report -i "$directory/data" --no-children -g none --sort "$sort" --percent-limit 1 --stdio 2> /dev/null |
    sed '/^#/d; /^$/d; s/ *- *- *$//;
         s/c10::function_ref<.*at::native::(anonymous namespace)::\([a-z_]*kernel\)(.*/\1, element by element/' |
    cut -c 1-130 | head -40
done
