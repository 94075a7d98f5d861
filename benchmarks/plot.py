"""Draws the chart of LSTM training: a panel per size, a bar per contender.

    python plot.py results.jsonl speed      draws speed.svg and speed.png; needs matplotlib

The background is transparent and the text grey, so the chart is readable on light and dark pages.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend must be set first)

from results import Results  # noqa: E402

ORDER = ("refrain f32", "PyTorch f32", "Keras f32", "JAX f32", "Burn f32", "candle f32", "refrain bf16", "PyTorch bf16")
INK = "#7a828c"
REFRAIN = {"f32": "#e0703a", "bf16": "#c2497b"}
OTHERS = {"f32": "#5b8db8", "bf16": "#8a78b8"}


def colour(who):
    name, precision = who.split()
    return (REFRAIN if name == "refrain" else OTHERS)[precision]


def panel(axes, results, workload, contenders):
    """Bars up to the best step, opaque up to the median, with the factor by which refrain is faster."""
    longest = max(results.best(workload, who) for who in results.contenders(workload))
    for row, who in enumerate(contenders):
        best = results.best(workload, who)
        if best is None:
            axes.text(0.01 * longest, row, "not measured", va="center", color=INK, fontsize=8, style="italic")
            continue
        axes.barh(row, best, height=0.7, color=colour(who), alpha=0.55, linewidth=0)
        axes.barh(row, results.median(workload, who), height=0.7, color=colour(who), linewidth=0)
        baseline = results.best(workload, f"refrain {who.split()[1]}")
        times = "" if who.startswith("refrain") or not baseline else f"  ({baseline / best:.1f}×)"
        axes.text(best + 0.02 * longest, row, f"{best:,.0f}{times}", va="center", color=INK, fontsize=8.5)
    axes.set_title(f"H = {workload.hidden_size}", color=INK, fontsize=11, loc="left", fontweight="bold")
    axes.set_xlim(0, 1.45 * longest)
    axes.set_xticks([])
    axes.tick_params(left=False, labelcolor=INK, labelsize=9.5)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color(INK)


def main():
    results, stem = Results(Path(sys.argv[1])), sys.argv[2]
    workloads = [w for w in results.workloads("train-lstm") if w.num_layers == 2]
    if not workloads:
        print("no results of LSTM training: no chart")
        return
    contenders = [who for who in ORDER if any(results.count(workload, who) for workload in workloads)]
    figure, panels = plt.subplots(1, len(workloads), sharey=True, squeeze=False, layout="constrained",
                                  figsize=(1.2 + 3.3 * len(workloads), 1.1 + 0.36 * len(contenders)))
    for axes, workload in zip(panels[0], workloads):
        panel(axes, results, workload, contenders)
    panels[0][0].set_yticks(range(len(contenders)), contenders)
    panels[0][0].invert_yaxis()
    subject = results.subject
    figure.suptitle("Training a character model with 2 LSTM layers of H units: characters per second",
                    color=INK, fontsize=12)
    figure.supxlabel(f"{subject['processor']}, {subject['threads']} threads, {subject['isa']}. "
                     "Bars end at the best step, full colour at the median.\n"
                     "In brackets: the factor by which refrain is faster at the same precision.",
                     color=INK, fontsize=8.5)
    plt.rcParams["svg.hashsalt"] = "refrain"  # the same results give the same file
    figure.savefig(f"{stem}.svg", transparent=True, metadata={"Date": None})
    figure.savefig(f"{stem}.png", transparent=True, dpi=160)
    print(f"{stem}.svg\n{stem}.png")


main()
