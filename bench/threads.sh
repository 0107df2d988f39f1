#!/bin/sh
# How a training goes with one thread of libtorch and with two: bench/threads.sh NAME STEPS [ROUNDS] [eager]
# NAME as in bench/ours/learners.ts. Prints `pace` of bench/ours/measure.ts, in rounds that alternate.
set -eu
name=${1:?name of a training, such as knrm}
steps=${2:?number of steps}
rounds=${3:-5}
[ $# -ge 3 ] && shift 3 || shift $#
cd "$(dirname "$0")/.."
for _ in $(seq "$rounds"); do
  for threads in 1 2; do
    printf '%s threads: %s\n' "$threads" \
      "$(node --import tsx bench/ours/measure.ts pace "$name" "$steps" "$threads" "$@")"
  done
done
