#!/usr/bin/env python3
"""What it costs to look inside: the size of a report and how fast it opens and scrolls, how long `refrain serve` takes to
trace a text, and how much of that the plain forward pass takes.

    python3 benchmarks/looking.py                     H=512, L=2, and H=128
    python3 benchmarks/looking.py --hidden-size 256   another size

Needs the release build. Opening and scrolling are measured where Node.js and Chromium are there, with playwright-core
installed (`npm --prefix crates/cli/page/tests ci`). The model is trained for two updates only: how well it does makes no
difference to what it costs.
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
    """Words in lines, the same for everybody."""
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


def plain_pass(program: Path, place: Path) -> float:
    """What `refrain eval` takes for the text, less what it takes to begin."""

    def wall(*command: str) -> float:
        began = time.perf_counter()
        subprocess.run([program, *command], cwd=place, check=True, stdout=subprocess.DEVNULL)
        return 1000 * (time.perf_counter() - began)

    return wall("eval", "run", "short.txt") - wall("eval", "run", "shortest.txt")


def report(program: Path, place: Path) -> None:
    began = time.perf_counter()
    subprocess.run([program, "inspect", "run", "long.txt", "--out", "report.html"], cwd=place, check=True,
                   stdout=subprocess.DEVNULL)
    size = (place / "report.html").stat().st_size
    print(f"  report on 100 kB: {size / 1e6:.1f} MB, written in {time.perf_counter() - began:.1f} s")
    if shutil.which("node") and (SPEED.parent / "node_modules").is_dir():
        measured = json.loads(subprocess.check_output(["node", SPEED, place / "report.html"]))
        opens = measured["opens"]
        print(f"  it opens in {statistics.median(opens):.0f} ms (best {min(opens):.0f}) and scrolls at "
              f"{measured['frame_median']} ms a frame ({measured['frame_slowest_of_20']} ms the slowest of twenty)")


def traces(program: Path, place: Path, text: str) -> None:
    server = subprocess.Popen([program, "serve", "run", "--port", "0"], cwd=place, stdout=subprocess.PIPE, text=True)
    try:
        address = next(found[0] for line in server.stdout if (found := re.findall(r"http://\S+/", line)))
        # In turn, so that both see the same machine.
        pairs = [(timed(address + "api/trace", {"text": text}), plain_pass(program, place)) for _ in range(ROUNDS)]
    finally:
        server.terminate()
        server.wait()
    trace, plain = map(statistics.median, zip(*pairs))
    best_trace, best_plain = map(min, zip(*pairs))
    print(f"  trace of 10 kB: {trace:.0f} ms (best {best_trace:.0f}); the plain pass over it: {plain:.0f} ms "
          f"(best {best_plain:.0f}); ratio {trace / plain:.2f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", type=Path, default=ROOT / "target/release/refrain")
    options.add_argument("--hidden-size", type=int, nargs="*", default=[128, 512])
    options = options.parse_args()
    for hidden_size in options.hidden_size:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for name, length in [("long.txt", 100_000), ("short.txt", 10_000), ("shortest.txt", 20)]:
                (place / name).write_text(text_of(length))
            subprocess.run([options.program, "train", "long.txt", "--hidden-size", str(hidden_size), "--num-layers", "2",
                            "--max-steps", "2", "--out", "run"], cwd=place, check=True, stdout=subprocess.DEVNULL)
            print(f"LSTM, 2 layers of {hidden_size}")
            report(options.program, place)
            traces(options.program, place, text_of(10_000))


if __name__ == "__main__":
    main()
