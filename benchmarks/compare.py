#!/usr/bin/env python3
"""refrain and its peers in turn on the same machine: how many times faster?

    python3 benchmarks/compare.py                            everything; an hour or two
    python3 benchmarks/compare.py --quick --peers pytorch    small models against PyTorch; some minutes

Installs the Python peers into a virtual environment, builds refrain and the Rust peers, and then measures: each round
runs everybody once, each as a process of its own. Every measurement is kept as it is taken; a comparison that was
stopped goes on where it was. Ends with a page of tables and a chart.
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
                raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are {', '.join(known)}")
            return names
        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=names_of(PEERS), default=list(PEERS), metavar="A,B",
                        help=f"of {', '.join(PEERS)} [all; '' for refrain alone]")
    parser.add_argument("--only", type=names_of(GROUPS), default=list(GROUPS), metavar="A,B",
                        help=f"groups of workloads, of {', '.join(GROUPS)} [all]")
    parser.add_argument("--quick", action="store_true", help="small models, fewer steps, no sweeps")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of everybody in turn [5]")
    parser.add_argument("--threads", type=int, default=PROCESSORS, metavar="N", help="[all processors]")
    parser.add_argument("--venv", type=Path, default=TARGET / "benchmarks/venv", metavar="PATH",
                        help="the virtual environment; made if it is not there [target/benchmarks/venv]")
    parser.add_argument("--out", type=Path, metavar="PATH",
                        help="folder for results.jsonl, results.md and the chart "
                             "[target/benchmarks/results, or quick-results]")
    parser.add_argument("--fresh", action="store_true", help="put earlier results aside and begin anew")
    return parser.parse_args()


def said_by(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def subject(refrain, threads, quick):
    """What is measured, on which machine: results of two of these do not belong in one file."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), processor)
    return {
        "processor": processor,
        "cores": PROCESSORS,
        "threads": threads,
        "selection": "quick" if quick else "full",
        "isa": json.loads(said_by(refrain, "bench", "peak", "--json"))["isa"],
        "program": hashlib.sha256(Path(refrain).read_bytes()).hexdigest(),
        "revision": said_by("git", "describe", "--always", "--dirty") if (ROOT / ".git").exists() else "unknown",
    }


def shown(command, env):
    """As it would be typed in the root folder, wherever things are installed on this machine."""
    program, *words = command
    if program.endswith("python"):
        program = "python"
    words = [f"{name}={value}" for name, value in env.items()] + [program] + words
    return " ".join(words).replace(str(TARGET), "target").replace(f"{ROOT}/", "")


class Refusals(dict):
    """Why somebody is left out of a workload; each reason is told once."""

    def note(self, workload, who, reason):
        if (who, reason) not in self.values():
            print(f"{workload.group}: left out: {who}: {reason}", flush=True)
        self[workload, who] = (who, reason)


def take_all(results, workloads, everybody, rounds):
    """Every workload by everybody who takes it, as far as there are no results yet."""
    refusals = Refusals()
    for workload in workloads:
        if workload.isa == results.subject["isa"]:
            refusals.note(workload, "everybody", f"{workload.isa} is the best that this machine has anyway")
            continue
        take_turns(results, workload, [one for one in everybody if one.takes(workload)], rounds, refusals)


PATIENCE_S = 45  # whoever took longer over a workload is measured at it once


def take_turns(results, workload, everybody, rounds, refusals):
    """Round by round. Whoever refuses a workload is not asked for it again."""
    for number in range(rounds):
        for contender in everybody:
            who = contender.label()
            done = results.count(workload, who)
            if (workload, who) in refusals or not number == done < contender.rounds(rounds):
                continue
            if results.seconds(workload, who) > PATIENCE_S:
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
                raise SystemExit(f"not the same batches: {who} has {result['epoch']}, others {counted}")
            results.add(workload, {"who": who, "result": result, "memory_mb": memory_mb,
                                   "seconds": time.monotonic() - began, "command": shown(command, env)})
            if workload.what != "peak":
                print(f"{workload.group}, {workload.title()}, round {number + 1}: {who} "
                      f"{result['best_' + RATES[workload.unit()]]:,.0f} {workload.unit()} a second", flush=True)


def versions(results):
    """Of everybody who has results."""
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

    everybody = list(contenders(options.peers, programs, python, str(HERE / "peers")))
    workloads = selection(options.only, options.threads, options.quick)
    try:
        take_all(results, workloads, everybody, options.rounds)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here")
    if results.rounds:
        (out / "results.md").write_text(report.page(results, versions(results)), encoding="utf-8")
        subprocess.run([python, str(HERE / "plot.py"), str(path), str(out / "speed")], check=True)
        print(out / "results.md")


if __name__ == "__main__":
    main()
