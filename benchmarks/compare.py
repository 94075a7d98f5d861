#!/usr/bin/env python3
"""Compares the speed of refrain and its peers on the same machine, in alternation.

    python3 benchmarks/compare.py                            everything; one to two hours
    python3 benchmarks/compare.py --quick --peers pytorch    small models, PyTorch only; some minutes

Installs the Python peers into a virtual environment, builds refrain and the Rust peers, and measures: each round
runs each contender once, in a separate process. Each measurement is saved immediately, so an interrupted comparison can
be continued. Writes a page of tables and a chart.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import install
import report
from contenders import PEERS, contenders
from measure import Refused, measure
from results import RATES, Results
from workloads import GROUPS, TASKS, selection

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def arguments():
    def names_of(known):
        def parse(text):
            names = [name for name in text.split(",") if name]
            unknown = [name for name in names if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"unknown name {unknown[0]!r}; choose from {', '.join(known)}")
            return names
        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=names_of(PEERS), default=list(PEERS), metavar="A,B",
                        help=f"peers, from {', '.join(PEERS)}; '' for refrain only [all]")
    parser.add_argument("--only", type=names_of(GROUPS), default=list(GROUPS), metavar="A,B",
                        help=f"groups of workloads, from {', '.join(GROUPS)} [all]")
    parser.add_argument("--quick", action="store_true", help="small models, fewer steps, no sweeps")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of alternating measurements [5]")
    parser.add_argument("--threads", type=int, default=PROCESSORS, metavar="N", help="threads [all processors]")
    parser.add_argument("--venv", type=Path, default=TARGET / "benchmarks/venv", metavar="PATH",
                        help="virtual environment, created if it does not exist [target/benchmarks/venv]")
    parser.add_argument("--out", type=Path, metavar="PATH",
                        help="folder for results.jsonl, results.md and the chart "
                             "[target/benchmarks/results, or quick-results]")
    parser.add_argument("--fresh", action="store_true", help="rename earlier results and start from scratch")
    return parser.parse_args()


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def subject(refrain, threads, quick):
    """What is measured, and on which machine: a results file has one subject only."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), processor)
    return {
        "processor": processor,
        "cores": PROCESSORS,
        "threads": threads,
        "selection": "quick" if quick else "full",
        "isa": json.loads(output_of(refrain, "bench", "peak", "--json"))["isa"],
        "program": hashlib.sha256(Path(refrain).read_bytes()).hexdigest(),
        "revision": output_of("git", "describe", "--always", "--dirty") if (ROOT / ".git").exists() else "unknown",
    }


def displayed(command, env):
    """The command with paths relative to the root folder."""
    program, *words = command
    if program.endswith("python"):
        program = "python"
    words = [f"{name}={value}" for name, value in env.items()] + [program] + words
    return " ".join(words).replace(str(TARGET), "target").replace(f"{ROOT}/", "")


class Refusals(dict):
    """Why a contender is left out of a workload; each reason is printed once."""

    def note(self, workload, who, reason):
        if (who, reason) not in self.values():
            print(f"{workload.group}: left out: {who}: {reason}", flush=True)
        self[workload, who] = (who, reason)


def measure_all(results, workloads, selected, rounds):
    """Runs all workloads that have no results yet."""
    refusals = Refusals()
    for workload in workloads:
        if workload.isa == results.subject["isa"]:
            refusals.note(workload, "all contenders", f"{workload.isa} is the best instruction set of this machine")
            continue
        measure_rounds(results, workload, [one for one in selected if one.takes(workload)], rounds, refusals)


MAX_REPEATED_S = 45  # a contender that takes longer for a workload is measured once


def measure_rounds(results, workload, selected, rounds, refusals):
    """Runs the rounds of a workload. A contender that fails is not run again."""
    for number in range(rounds):
        for contender in selected:
            who = contender.label()
            done = results.count(workload, who)
            if (workload, who) in refusals or not number == done < contender.rounds(rounds):
                continue
            if results.seconds(workload, who) > MAX_REPEATED_S:
                continue
            command, env = contender.command(workload)
            began = time.monotonic()
            try:
                result, memory_mb = measure(command, env)
            except Refused as refusal:
                refusals.note(workload, who, str(refusal))
                continue
            counted = results.epoch(workload) if workload.what in TASKS else None
            if counted and counted != result["epoch"]:
                raise SystemExit(f"different batches: {who} has {result['epoch']}, others have {counted}")
            results.add(workload, {"who": who, "result": result, "memory_mb": memory_mb,
                                   "seconds": time.monotonic() - began, "command": displayed(command, env)})
            if workload.what != "peak":
                print(f"{workload.group}, {workload.title()}, round {number + 1}: {who} "
                      f"{result['best_' + RATES[workload.unit()]]:,.0f} {workload.unit()} per second", flush=True)


def versions(results):
    """The versions of all contenders with results."""
    found = {}
    for (_, who), rounds in results.rounds.items():
        name = who.split()[0]
        version = rounds[0]["result"].get("version")
        if name.lower() in ("burn", "candle"):
            package = {"Burn": "burn", "candle": "candle-nn"}[name]
            version = f"{name} {install.locked_version(HERE / 'peers' / name.lower(), package)}"
        elif name == "refrain" and version:
            version = f"refrain {version}"
        if version:
            found[name] = version
    return list(found.values())


def main():
    options = arguments()
    python = install.environment(options.venv, options.peers)
    programs = install.build(ROOT, TARGET, options.peers)
    out = options.out or TARGET / "benchmarks" / ("quick-results" if options.quick else "results")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "results.jsonl"
    if options.fresh and path.exists():
        path.replace(path.with_suffix(".old.jsonl"))
    results = Results(path)
    results.begin(subject(programs["refrain"], options.threads, options.quick))

    selected = list(contenders(options.peers, programs, python, str(HERE / "peers")))
    workloads = selection(options.only, options.threads, options.quick)
    try:
        measure_all(results, workloads, selected, options.rounds)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues from here")
    if results.rounds:
        (out / "results.md").write_text(report.page(results, versions(results)), encoding="utf-8")
        subprocess.run([python, str(HERE / "plot.py"), str(path), str(out / "speed")], check=True)
        print(out / "results.md")


if __name__ == "__main__":
    main()
