"""refrain and PyTorch in turn on the same machine: how many times faster?

    python benchmarks/against_pytorch.py [--rounds 5] [--threads 2] [CASE ...]

A case is `train:CELL:HIDDEN_SIZE` or `sample:CELL:HIDDEN_SIZE`. Each round runs refrain and then PyTorch, each as a
process of its own. Prints a Markdown table: characters a second, best and median of all rounds, and their ratios.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASES = ["train:lstm:128", "train:lstm:256", "train:gru:128", "train:gru:256", "train:rnn:128", "train:rnn:256",
         "sample:lstm:512"]


def measure(command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES, metavar="CASE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--refrain", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release/refrain"))
    options = parser.parse_args()
    peer = [sys.executable, str(ROOT / "benchmarks/pytorch_model.py")]

    print("| workload | refrain, best (median) | PyTorch, best (median) | ratio, best (median) |")
    print("| --- | --- | --- | --- |")
    versions = {}
    for case in options.cases:
        what, cell, hidden_size = case.split(":")
        flags = [what, "--cell", cell, "--hidden-size", hidden_size, "--threads", str(options.threads)]
        rounds = {"refrain": [], "PyTorch": []}
        for _ in range(options.rounds):
            for name, command in (("refrain", [options.refrain, "bench", *flags, "--json"]), ("PyTorch", peer + flags)):
                result = measure(command)
                rounds[name].append(result)
                versions[name] = f"refrain {result['version']} ({result['isa']})" if name == "refrain" else result["version"]
        best = {name: max(r["best_chars_per_s"] for r in results) for name, results in rounds.items()}
        median = {name: statistics.median(r["chars_per_s"] for r in results) for name, results in rounds.items()}
        shown = [f"{best[name]:,.0f} ({median[name]:,.0f})" for name in rounds]
        ratios = f"{best['refrain'] / best['PyTorch']:.2f} ({median['refrain'] / median['PyTorch']:.2f})"
        print(f"| {what} {cell.upper()}, H={hidden_size} | {shown[0]} | {shown[1]} | **{ratios}** |", flush=True)
    print(f"\n{versions['refrain']} against {versions['PyTorch']}, f32, {options.threads} threads, "
          f"{options.rounds} interleaved rounds, {processor()}")


main()
