#!/usr/bin/env python3
"""Measures the cost of inspection: the size of a report, how fast it opens and scrolls, and the time of a trace by
`refrain serve` compared with the forward pass.

    python3 benchmarks/looking.py                     H=512, L=2, and H=128
    python3 benchmarks/looking.py --hidden-size 256   another size

Needs the release build. Opening and scrolling are measured if Node.js, Chromium and playwright-core are installed
(`npm --prefix crates/cli/page/tests ci`). The model is trained for two updates only, because its quality does not affect
the times.
"""

import argparse
import json
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEED = ROOT / "crates/cli/page/tests/speed.mjs"
ROUNDS = 7


def text_of(length: int) -> str:
    """Lines of random words, the same at every call."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(1, 9))) for _ in range(2000)]
    lines = []
    while sum(map(len, lines)) < length:
        lines.append(" ".join(rng.choices(words, k=rng.randint(3, 14))).capitalize() + ".\n")
    return "".join(lines)[:length]


def timed(url: str, body: dict) -> float:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    began = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        answer.read()
    return 1000 * (time.perf_counter() - began)


def forward_pass(program: Path, folder: Path) -> float:
    """Milliseconds of `refrain eval` for the text, without its start-up time."""

    def wall(*command: str) -> float:
        began = time.perf_counter()
        subprocess.run([program, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return 1000 * (time.perf_counter() - began)

    return wall("eval", "run", "short.txt") - wall("eval", "run", "shortest.txt")


def report(program: Path, folder: Path) -> None:
    began = time.perf_counter()
    subprocess.run([program, "inspect", "run", "long.txt", "--out", "report.html"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    size = (folder / "report.html").stat().st_size
    print(f"  report on 100 kB: {size / 1e6:.1f} MB, written in {time.perf_counter() - began:.1f} s")
    if shutil.which("node") and (SPEED.parent / "node_modules").is_dir():
        measured = json.loads(subprocess.check_output(["node", SPEED, folder / "report.html"]))
        opens = measured["opens"]
        print(f"  it opens in {statistics.median(opens):.0f} ms (best {min(opens):.0f}) and scrolls at "
              f"{measured['frame_median']} ms per frame ({measured['frame_slowest_of_20']} ms for the slowest of twenty)")


def traces(program: Path, folder: Path, text: str) -> None:
    server = subprocess.Popen([program, "serve", "run", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        address = next(found[0] for line in server.stdout if (found := re.findall(r"http://\S+/", line)))
        # In alternation, because the speed of the machine drifts.
        pairs = [(timed(address + "api/trace", {"text": text}), forward_pass(program, folder)) for _ in range(ROUNDS)]
    finally:
        server.terminate()
        server.wait()
    trace, forward = map(statistics.median, zip(*pairs))
    best_trace, best_forward = map(min, zip(*pairs))
    print(f"  trace of 10 kB: {trace:.0f} ms (best {best_trace:.0f}); forward pass: {forward:.0f} ms "
          f"(best {best_forward:.0f}); ratio {trace / forward:.2f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", type=Path, default=ROOT / "target/release/refrain")
    options.add_argument("--hidden-size", type=int, nargs="*", default=[128, 512])
    options = options.parse_args()
    for hidden_size in options.hidden_size:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, length in [("long.txt", 100_000), ("short.txt", 10_000), ("shortest.txt", 20)]:
                (folder / file).write_text(text_of(length))
            subprocess.run([options.program, "train", "long.txt", "--hidden-size", str(hidden_size), "--num-layers", "2",
                            "--max-steps", "2", "--out", "run"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            print(f"LSTM, 2 layers of {hidden_size}")
            report(options.program, folder)
            traces(options.program, folder, text_of(10_000))


if __name__ == "__main__":
    main()
