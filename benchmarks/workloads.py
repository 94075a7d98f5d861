"""The workloads, in groups that can be selected by name."""

import dataclasses
from dataclasses import dataclass

TASKS = ("classify", "tag")
VOCAB_SIZE = 65  # and an embedding of 64, as in all peers


@dataclass(frozen=True)
class Workload:
    """One measurement. Letters as in docs/glossary.md: V tokens, L layers of H units, B sequences of T steps."""

    group: str
    what: str  # "train", "sample", "peak" or one of TASKS
    cell: str = "lstm"
    hidden_size: int = 256
    num_layers: int = 2
    batch_size: int = 50
    seq_length: int = 50
    vocab_size: int = VOCAB_SIZE
    threads: int = 1
    repeat: int = 12
    streams: int = 1
    isa: str = ""  # restricts all contenders to an instruction set; "" for the best one
    varies: str = ""  # the field that varies in a sweep

    def flags(self):
        """Flags for `refrain bench` and all peers, or for both sides of a task."""
        flags = [self.what, "--threads", str(self.threads)]
        if self.what == "peak":
            return flags
        if self.what in TASKS:
            sizes = {"--hidden-size": self.hidden_size, "--batch-size": self.batch_size, "--repeat": self.repeat}
            return flags + [str(word) for flag in sizes.items() for word in flag]
        flags += ["--cell", self.cell, "--hidden-size", str(self.hidden_size), "--num-layers", str(self.num_layers)]
        flags += ["--seq-length", str(self.seq_length), "--repeat", str(self.repeat)]
        if self.what == "train":
            flags += ["--batch-size", str(self.batch_size)]
        if self.vocab_size != VOCAB_SIZE:
            flags += ["--vocab-size", str(self.vocab_size)]
        if self.streams != 1:
            flags += ["--streams", str(self.streams)]
        return flags

    def key(self):
        """All fields, to identify the workload in the results file."""
        return dataclasses.asdict(self)

    def unit(self):
        """The unit of speed."""
        return "words" if self.what in TASKS else "characters"

    def title(self):
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        if self.what == "peak":
            return "one thread"
        if self.what in TASKS:
            return f"bidirectional LSTM, H={self.hidden_size}, B={self.batch_size}, {threads}"
        words = [self.cell.upper(), f"H={self.hidden_size}", f"L={self.num_layers}"]
        if self.what == "train":
            words += [f"B={self.batch_size}", f"T={self.seq_length}"]
        else:
            words.append(threads)
        if self.varies in ("vocab_size", "threads", "streams"):
            words.append(f"{self.varies}={getattr(self, self.varies)}")
        return ", ".join(words)


def training(group, cell, threads, isa=""):
    common = dict(group=group, what="train", cell=cell, threads=threads, isa=isa)
    for hidden_size in (128, 256, 512):
        yield Workload(hidden_size=hidden_size, **common)
    if not isa and cell == "lstm":
        yield Workload(hidden_size=1024, num_layers=1, batch_size=64, seq_length=100, repeat=5, **common)


def sampling(group, threads, isa=""):
    """Also on one thread, which may be faster for a single stream."""
    for count in sorted({1, threads}):
        yield Workload(group, "sample", hidden_size=512, seq_length=300, threads=count, isa=isa)


def scaling(threads):
    """Varies one field at a time; the rate of operations should be constant."""
    base = Workload("scaling", "train", threads=threads, repeat=6)
    sweeps = {
        # Each odd size follows the nearest smaller multiple of the vector length.
        "hidden_size": (64, 96, 100, 128, 192, 200, 256, 288, 300, 512, 1024),
        "batch_size": (1, 7, 16, 32, 33, 50, 64, 128),
        "seq_length": (10, 25, 50, 100, 200),
        "vocab_size": (32, 65, 256, 1024),
        "num_layers": (1, 2, 3, 4),
        "threads": sorted({1, 2, threads} if threads > 1 else {1}),
    }
    for field, values in sweeps.items():
        for value in values:
            yield dataclasses.replace(base, varies=field, **{field: value})


def streams(threads):
    for count in (1, 2, 4, 8, 16, 32, 64):
        yield Workload("streams", "sample", hidden_size=512, seq_length=100, repeat=6, threads=threads,
                       streams=count, varies="streams")


def task(name, hidden_size, threads):
    """With refrain's default sizes. Also on one thread, which other processes disturb less."""
    for count in sorted({1, threads}):
        yield Workload(name, name, hidden_size=hidden_size, num_layers=1, batch_size=32, threads=count, repeat=2)


GROUPS = {
    "train-lstm": lambda threads: training("train-lstm", "lstm", threads),
    "train-gru": lambda threads: training("train-gru", "gru", threads),
    "train-rnn": lambda threads: training("train-rnn", "rnn", threads),
    "sample": lambda threads: sampling("sample", threads),
    "classify": lambda threads: task("classify", 128, threads),
    "tag": lambda threads: task("tag", 200, threads),
    "avx2": lambda threads: [*training("avx2", "lstm", threads, "avx2"), *sampling("avx2", threads, "avx2")],
    "streams": streams,
    "scaling": scaling,
}


def selection(groups, threads, quick):
    """The workloads of the selected groups. A quick selection has small models, few rounds and no sweeps."""
    yield Workload("peak", "peak")
    for group in groups:
        for workload in GROUPS[group](threads):
            if not quick:
                yield workload
            elif not workload.varies and (workload.what == "sample" or workload.hidden_size <= 256):
                yield dataclasses.replace(workload, repeat=1 if workload.what in TASKS else 5)
