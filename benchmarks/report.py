"""The results as a page of Markdown: who was how fast, and how many times faster refrain was."""

from workloads import GROUPS

TITLES = {
    "train-lstm": "Training, LSTM",
    "train-gru": "Training, GRU",
    "train-rnn": "Training, Elman",
    "sample": "Sampling one stream",
    "avx2": "Everybody held to AVX2",
    "streams": "Sampling many streams at once",
    "scaling": "Scaling: one size varies, the others are H=256, L=2, B=50, T=50, V=65",
}
LETTERS = {"hidden_size": "H", "batch_size": "B", "seq_length": "T", "vocab_size": "V", "num_layers": "L"}


def page(results, versions):
    subject, (gflops, read) = results.subject, results.peak()
    lines = [
        "# Results",
        "",
        f"{subject['processor']}, {subject['cores']} cores, {subject['threads']} threads, {subject['isa']}; one thread: {gflops:.0f} GFLOP/s of f32 "
        f"multiply-adds from registers, {read:.1f} GB/s read from memory (`refrain bench peak`).",
        "",
        f"{', '.join(versions)}. Revision {subject['revision']}.",
        "",
        "Characters a second: the best step of all rounds, and in brackets the median. The ratio is refrain's figure, "
        "at the same precision, over that of the row. GFLOP/s are those of the matrix products at the best step; the "
        "percentage is of the f32 peak of all threads. Memory is the most that the process ever held.",
    ]
    for group in GROUPS:
        workloads = results.workloads(group)
        if workloads:
            table = sweep(results, workloads) if workloads[0].varies else versus(results, workloads)
            lines += ["", f"## {TITLES[group]}", "", *table]
    return "\n".join([*lines, "", "## Commands", "", *commands(results)]) + "\n"


def versus(results, workloads):
    yield "| workload | who | characters a second | refrain's over it | GFLOP/s (of peak) | memory, MB |"
    yield "| --- | --- | --: | --: | --: | --: |"
    for workload in workloads:
        for who in results.whos(workload):
            rate = f"{results.best(workload, who):,.0f} ({results.median(workload, who):,.0f})"
            yield (f"| {workload.title()} | {who} | {rate} | {ratio(results, workload, who)} | "
                   f"{arithmetic(results, workload, who)} | {results.memory(workload, who):,.0f} |")


def sweep(results, workloads):
    yield "| | who | characters a second | GFLOP/s (of peak) |"
    yield "| --- | --- | --: | --: |"
    for workload in workloads:
        name = LETTERS.get(workload.varies, workload.varies)
        for who in results.whos(workload):
            rate = f"{results.best(workload, who):,.0f} ({results.median(workload, who):,.0f})"
            yield f"| {name}={getattr(workload, workload.varies)} | {who} | {rate} | {arithmetic(results, workload, who)} |"


def ratio(results, workload, who):
    baseline = f"refrain {who.split()[-1]}"
    if who == baseline or not results.count(workload, baseline):
        return ""
    best = results.best(workload, baseline) / results.best(workload, who)
    median = results.median(workload, baseline) / results.median(workload, who)
    return f"**{best:.2f}** ({median:.2f})"


def arithmetic(results, workload, who):
    """The rate of operations at the best step."""
    if not results.count(workload, "refrain f32"):
        return ""
    gflops = results.best(workload, who) * results.flops_per_char(workload) / 1e9
    return f"{gflops:.1f} ({gflops / (workload.threads * results.peak()[0]):.0%})"


def commands(results):
    """One command of everybody's for each kind of measurement."""
    shown = {}
    for (workload, who), rounds in results.rounds.items():
        if workload.what != "peak":
            shown.setdefault((who, workload.what, workload.isa), rounds[0]["command"])
    return [f"- {who}: `{command}`" for (who, *_), command in shown.items()]
