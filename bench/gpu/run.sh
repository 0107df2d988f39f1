#!/usr/bin/env bash
# Builds the addon, runs the tests of devices and compares with PyTorch, on a machine that has Node, cmake, ninja and a
# Python with torch, but no npm packages beyond what `node bench/gpu/pack.mjs` put into .gpu/js.
#
#   bash bench/gpu/run.sh [--device cuda|cpu] [--steps N] [--rounds N] [--tests-only | --timings-only]
#
# XPMIR_LIBTORCH is libtorch; default that of `python3 -c 'import torch'`. PYTHON is another Python.
set -euo pipefail
cd "$(dirname "$0")/../.."
device=cuda steps=200 rounds=3 tests=yes timings=yes
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=$2; shift ;;
    --steps) steps=$2; shift ;;
    --rounds) rounds=$2; shift ;;
    --tests-only) timings=no ;;
    --timings-only) tests=no ;;
    *) sed -n 2,8p "$0"; exit 2 ;;
  esac
  shift
done
: "${PYTHON:=python3}"
export PYTHON
: "${XPMIR_LIBTORCH:=$($PYTHON -c 'import os, torch; print(os.path.dirname(torch.__file__))')}"
export XPMIR_LIBTORCH
export XPMIR_ADDON_ROOT=$PWD
js=.gpu/js
[ -d "$js" ] || { echo "no $js: run node bench/gpu/pack.mjs where the npm packages are" >&2; exit 2; }

$PYTHON -c 'import torch; print("torch", torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "without CUDA")'
cmake -G Ninja -S . -B build/gpu -DXPMIR_LIBTORCH="$XPMIR_LIBTORCH" >build-gpu.log 2>&1 &&
  cmake --build build/gpu >>build-gpu.log 2>&1 || { tail -50 build-gpu.log >&2; exit 1; }

status=0
if [ "$tests" = yes ]; then
  node --test "$js"/test/torch/{cuda,streams,backends,compile}.test.js \
    "$js"/test/learning/{devices,gpu,compiled}.test.js || status=1
fi
if [ "$timings" = yes ]; then
  node "$js"/bench/gpu/compare.js "$device" "$steps" "$rounds" "$PWD" || status=1
fi
exit $status
