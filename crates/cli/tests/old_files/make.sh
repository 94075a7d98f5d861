#!/usr/bin/env bash
# Writes everything here except the data: `make.sh target/release/refrain`. Run it only to add a run or a command, with the
# version in the README: the output of a newer version proves nothing about old files.
set -euo pipefail
program=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
export REFRAIN_ISA=scalar
readonly all="--hidden-size 8 --precision f32 --threads 1 --shards 2 --seed 5"

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
cp -r "$here/data" .
rm -rf "$here/runs" "$here/resumed" "$here/output"
mkdir runs resumed "$here/output"

while IFS=: read -r name arguments; do
    # After resuming, paths are relative in the model file, too.
    # shellcheck disable=SC2086
    "$program" train $arguments $all --max-steps 1 --out "runs/$name" >/dev/null
    sed -i "s|\"$place/|\"|g" "runs/$name/config.toml"
    "$program" train --resume "runs/$name" --max-steps 6 >/dev/null
    cp -r "runs/$name" "resumed/$name"
    "$program" train --resume "resumed/$name" --max-steps 12 >/dev/null
    rm -r "resumed/$name"/{config.toml,metrics.jsonl}
done <"$here/runs.txt"

while IFS=: read -r name arguments; do
    # shellcheck disable=SC2086
    "$program" $arguments --precision f32 --threads 1 >"$here/output/$name.txt"
done <"$here/commands.txt"
cp -r runs resumed "$here"
