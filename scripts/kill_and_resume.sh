#!/usr/bin/env bash
# Kills a run at random times, often while it writes a checkpoint, resumes it each time, and compares the model with that
# of an uninterrupted run. Then tests a full disk, if a small file system can be mounted.
#
#   scripts/kill_and_resume.sh [KILLS]      default: 20
#
# The environment variable REFRAIN is the path of the program [target/release/refrain]. Needs only Unix commands.
set -euo pipefail

readonly kills="${1:-20}"
program=$(realpath "${REFRAIN:-$(dirname "$0")/../target/release/refrain}")
readonly program
folder=$(mktemp -d)
readonly folder
mounted=

clean_up() {
    [[ -z "$mounted" ]] || umount "$folder/small"
    rm -rf "$folder"
}
trap clean_up EXIT
cd "$folder"

# A checkpoint of a few megabytes after every update.
readonly settings=(--hidden-size 256 --num-layers 2 --seq-length 16 --batch-size 4 --threads 1 --shards 2
    --sample-every 0 --checkpoint-every 0.001s)
# Enough for all kills on a fast machine: about eight updates before each.
readonly updates=$((20 * kills))

for ((line = 0; line < 400; line++)); do
    echo "line $line is $((line * line % 97)) and so on, $((line % 7)) times"
done >text.txt

"$program" train text.txt --out whole "${settings[@]}" --max-steps "$updates" >/dev/null

arguments=(train text.txt --out killed "${settings[@]}" --max-steps "$updates")
during_write=0
for ((kill = 1; kill <= kills; kill++)); do
    # Every second kill waits until a temporary file exists; files of earlier kills are removed first.
    if ((kill % 2 == 1)); then rm -f killed/*.tmp; fi
    "$program" "${arguments[@]}" >log 2>&1 &
    process=$!
    # Without a run directory there is nothing to resume.
    while [[ ! -d killed ]]; do sleep 0.01; done
    sleep "0.$(printf '%03d' $((RANDOM % 400 + 30)))"
    if ((kill % 2 == 1)); then
        until compgen -G 'killed/*.tmp' >/dev/null || ! kill -0 "$process" 2>/dev/null; do :; done
    fi
    if ! kill -9 "$process" 2>/dev/null; then
        wait "$process" || { cat log; exit 1; }
        echo "the run was complete before kill $kill"
        break
    fi
    wait "$process" 2>/dev/null || true
    if compgen -G 'killed/*.tmp' >/dev/null; then during_write=$((during_write + 1)); fi
    arguments=(train --resume killed)
done
"$program" train --resume killed >/dev/null
cmp whole/model.safetensors killed/model.safetensors
leftover=$(compgen -G 'killed/*.tmp' || true)
[[ -z "$leftover" ]] || { echo "leftover files: $leftover" >&2; exit 1; }
echo "$((kill - 1)) kills, $during_write of them during a write: the model is identical"

mkdir small
if ! mount -t tmpfs -o size=64m tmpfs small 2>/dev/null; then
    echo "full disk: skipped, this user cannot mount a file system"
    exit 0
fi
mounted=yes
"$program" train text.txt --out small/run "${settings[@]}" --max-steps "$updates" >log 2>errors &
process=$!
while [[ ! -d small/run ]]; do sleep 0.01; done
head -c 100m /dev/zero >small/filler 2>/dev/null || true
code=0
wait "$process" || code=$?
cat errors
[[ "$code" == 1 ]] || { echo "exit code $code instead of 1" >&2; exit 1; }
grep -q 'no space left on device' errors
rm small/filler
"$program" train --resume small/run >/dev/null
cmp whole/model.safetensors small/run/model.safetensors
echo "full disk: the error was reported, and the resumed run gave an identical model"
