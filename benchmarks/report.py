"""The results as a Markdown page: the speed of each contender, and the factor by which refrain is faster."""

from workloads import GROUPS, TASKS

TITLES = {
    "train-lstm": "Training, LSTM",
    "train-gru": "Training, GRU",
    "train-rnn": "Training, Elman",
    "sample": "Sampling one stream",
    "classify": "Training, classification of sentences",
    "tag": "Training, tagging of sentences",
    "avx2": "All restricted to AVX2",
    "streams": "Sampling many streams in parallel",
    "scaling": "Scaling: one size varies, the others are H=256, L=2, B=50, T=50, V=65",
}
LETTERS = {"hidden_size": "H", "batch_size": "B", "seq_length": "T", "vocab_size": "V", "num_layers": "L"}
BYTES = {"f32": 4, "bf16": 2, "int8": 1}  # of a weight


def page(results, versions):
    subject, (gflops, read) = results.subject, results.peak()
    lines = [
        "# Results",
        "",
        f"{subject['processor']}, {subject['cores']} cores, {subject['threads']} threads, {subject['isa']}; "
        f"one thread: {gflops:.0f} GFLOP/s of f32 multiply-adds from registers, {read:.1f} GB/s read from memory "
        "(`refrain bench peak`).",
        "",
        f"{', '.join(versions)}. Revision {subject['revision']}.",
        "",
        "Characters per second: the best step of all rounds, and in brackets the median. The speed-up is the speed of "
        "refrain at the same precision divided by that of the row. The rate is that of the matrix products in the best "
        "step, with its share of the f32 peak of all threads; for one stream it is that of reading every weight once "
        "per character. Memory is the peak memory of the process.",
    ]
    for group in GROUPS:
        workloads = results.workloads(group)
        if workloads:
            table = versus(results, workloads)
            if workloads[0].varies:
                table = sweep(results, workloads)
            elif workloads[0].what in TASKS:
                table = at_task(results, workloads)
            lines += ["", f"## {TITLES[group]}", "", *table]
    return "\n".join([*lines, "", "## Commands", "", *commands(results)]) + "\n"


def versus(results, workloads):
    yield "| workload | contender | characters per second | speed-up | rate | memory, MB |"
    yield "| --- | --- | --: | --: | --: | --: |"
    for workload in workloads:
        for who in results.contenders(workload):
            rate = f"{results.best(workload, who):,.0f} ({results.median(workload, who):,.0f})"
            yield (f"| {workload.title()} | {who} | {rate} | {ratio(results, workload, who)} | "
                   f"{machine_rate(results, workload, who)} | {results.memory(workload, who):,.0f} |")


def at_task(results, workloads):
    counted = ", ".join(f"{count:,} {name}" for name, count in results.epoch(workloads[0]).items())
    yield f"Words per second over whole epochs. All contenders have the same counts: {counted} (steps: words with padding)."
    yield ""
    yield "| workload | contender | words per second | speed-up | loss, first and last epoch | memory, MB |"
    yield "| --- | --- | --: | --: | --: | --: |"
    for workload in workloads:
        for who in results.contenders(workload):
            rate = f"{results.best(workload, who):,.0f} ({results.median(workload, who):,.0f})"
            losses = results.values(workload, who, "losses")[0]
            yield (f"| {workload.title()} | {who} | {rate} | {ratio(results, workload, who)} | "
                   f"{losses[0]:.2f}, {losses[-1]:.2f} | {results.memory(workload, who):,.0f} |")


def sweep(results, workloads):
    yield "| | contender | characters per second | rate |"
    yield "| --- | --- | --: | --: |"
    for workload in workloads:
        name = LETTERS.get(workload.varies, workload.varies)
        for who in results.contenders(workload):
            rate = f"{results.best(workload, who):,.0f} ({results.median(workload, who):,.0f})"
            yield (f"| {name}={getattr(workload, workload.varies)} | {who} | {rate} | "
                   f"{machine_rate(results, workload, who)} |")


def ratio(results, workload, who):
    baseline = f"refrain {who.split()[-1]}"
    if who == baseline or not results.count(workload, baseline):
        return ""
    best = results.best(workload, baseline) / results.best(workload, who)
    median = results.median(workload, baseline) / results.median(workload, who)
    return f"**{best:.2f}** ({median:.2f})"


def machine_rate(results, workload, who):
    """The rate of operations in the best step, or for one stream the rate of reading weights."""
    if not results.count(workload, "refrain f32"):
        return ""
    gflops = results.best(workload, who) * results.flops_per_char(workload) / 1e9
    if workload.what == "sample" and workload.streams == 1:
        return f"{gflops / 2 * BYTES[who.split()[-1]]:.1f} GB/s"
    return f"{gflops:.1f} GFLOP/s ({gflops / (workload.threads * results.peak()[0]):.0%})"


def commands(results):
    """One command per contender and kind of measurement."""
    unique = {}
    for (workload, who), rounds in results.rounds.items():
        if workload.what != "peak":
            unique.setdefault((who, workload.what, workload.isa), rounds[0]["command"])
    return [f"- {who}: `{command}`" for (who, *_), command in unique.items()]
