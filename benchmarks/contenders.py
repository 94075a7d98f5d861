"""Contenders: which workloads they support, and by which command they run them."""

import os
from dataclasses import dataclass

from workloads import TASKS

PEERS = {"pytorch": "PyTorch", "keras": "Keras", "jax": "JAX", "burn": "Burn", "candle": "candle"}
# The implementations of sampling in pytorch_model.py, the fastest of which counts.
WAYS = {"module": "PyTorch nn.LSTM", "cell": "PyTorch nn.LSTMCell", "hand": "PyTorch by hand"}
# How pytorch_task.py processes sentences of different lengths; likewise.
TASK_WAYS = {"packed": "PyTorch packed", "padded": "PyTorch padded"}
# Restricts PyTorch and its libraries to an instruction set.
PYTORCH_ISA = {"avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}
SLOW = {"burn", "candle"}  # seconds per step, others take a tenth of a second


@dataclass(frozen=True)
class Contender:
    """A program with a precision, and for sampling and tasks in PyTorch an implementation."""

    peer: str  # one of PEERS; "" is refrain
    precision: str
    program: tuple  # () if it supports tasks only
    way: str = ""
    task_program: tuple = ()

    def label(self):
        name = {**WAYS, **TASK_WAYS}[self.way] if self.way else PEERS.get(self.peer, "refrain")
        return f"{name} {self.precision}"

    def takes(self, workload):
        if workload.what in TASKS:
            return bool(self.task_program)
        if not self.program:
            return False
        if workload.isa and self.precision != "f32":
            return False
        if not self.peer:
            return {"f32": True, "bf16": workload.what != "peak", "int8": workload.what == "sample"}[self.precision]
        if workload.varies or workload.what == "peak":
            return False
        if self.peer == "pytorch":
            return bool(self.way) == (workload.what == "sample")
        return workload.group == "train-lstm" and workload.hidden_size <= 512

    def command(self, workload):
        """The command and its environment variables."""
        flags = workload.flags()
        if self.precision != "f32":
            flags += ["--precision", self.precision]
        if self.way:
            flags += ["--way", self.way]
        if workload.what in TASKS:
            return [*self.task_program, *flags], {}
        if self.peer in SLOW:
            flags[flags.index("--repeat") + 1] = str(min(workload.repeat, 4))
            return [*self.program, *flags], {"RAYON_NUM_THREADS": str(workload.threads)}
        if not self.peer:
            return [*self.program, *flags, "--json"], {"REFRAIN_ISA": workload.isa} if workload.isa else {}
        return [*self.program, *flags], PYTORCH_ISA.get(workload.isa, {})

    def rounds(self, rounds):
        return min(rounds, 3) if self.peer in SLOW else rounds


def contenders(peers, programs, python, scripts):
    """refrain and the selected peers in the order of the tables. `programs` are those built by cargo, by name."""
    task = (python, os.path.join(scripts, "refrain_task.py"), "--program", programs["refrain"])
    for precision in ("f32", "bf16", "int8"):
        yield Contender("", precision, (programs["refrain"], "bench"), task_program=task if precision == "f32" else ())
    for peer in peers:
        if peer in programs:
            yield Contender(peer, "f32", (programs[peer],))
            continue
        program = (python, os.path.join(scripts, f"{peer}_model.py"))
        for precision in ("f32", "bf16") if peer == "pytorch" else ("f32",):
            for way in ("", *WAYS) if peer == "pytorch" else ("",):
                yield Contender(peer, precision, program, way)
    if "pytorch" in peers:
        for way in TASK_WAYS:
            yield Contender("pytorch", "f32", (), way, (python, os.path.join(scripts, "pytorch_task.py")))
