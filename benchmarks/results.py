"""The measurements: lines of JSON, appended to a file immediately, so that a comparison can be continued."""

import json
import statistics

from workloads import Workload

RATES = {"characters": "chars_per_s", "words": "words_per_s"}  # keys of a result


class Results:
    """The contents of a file. Its first line is the subject: what was measured, and on which machine."""

    def __init__(self, path):
        self.path, self.subject, self.rounds = path, None, {}
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # without an incomplete last line
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        for number, line in enumerate(whole.splitlines()):
            record = json.loads(line)
            if number == 0:
                self.subject = record
            else:
                self._take(Workload(**record.pop("workload")), record)

    def _take(self, workload, record):
        self.rounds.setdefault((workload, record["who"]), []).append(record)

    def begin(self, subject):
        """Checks that the file has this subject, or starts it."""
        if self.subject is None:
            self.subject = subject
            self._append(subject)
        different = [name for name in subject if subject[name] != self.subject.get(name) and name != "revision"]
        if different:
            raise SystemExit(f"{self.path} has other measurements (different {', '.join(different)}): use --fresh "
                             "to rename it and start from scratch, or another --out")

    def add(self, workload, record):
        self._append({"workload": workload.key(), **record})
        self._take(workload, record)

    def _append(self, record):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def count(self, workload, who):
        return len(self.rounds.get((workload, who), []))

    def seconds(self, workload, who):
        """The time of the longest round, including the start of the program."""
        return max((record.get("seconds", 0) for record in self.rounds.get((workload, who), [])), default=0)

    def workloads(self, group):
        return list(dict.fromkeys(workload for workload, _ in self.rounds if workload.group == group))

    def contenders(self, workload):
        return [who for of, who in self.rounds if of == workload]

    def values(self, workload, who, name):
        return [record["result"][name] for record in self.rounds.get((workload, who), [])]

    def best(self, workload, who):
        """Characters (or words) per second in the fastest step (or epoch) of all rounds."""
        return max(self.values(workload, who, f"best_{RATES[workload.unit()]}"), default=None)

    def median(self, workload, who):
        """The median round's median."""
        values = self.values(workload, who, RATES[workload.unit()])
        return statistics.median(values) if values else None

    def epoch(self, workload):
        """For a task: the counts of the model and an epoch; None before the first result."""
        found = (records[0]["result"]["epoch"] for (of, _), records in self.rounds.items() if of == workload)
        return next(found, None)

    def memory(self, workload, who):
        return max(record["memory_mb"] for record in self.rounds[workload, who])

    def flops_per_char(self, workload):
        """Operations of the matrix products, as reported by refrain."""
        result = self.rounds[workload, "refrain f32"][0]["result"]
        return result["gflops"] * 1e9 / result["chars_per_s"]

    def peak(self):
        """For one thread, f32: multiply-adds in GFLOP/s, and memory reads in GB/s; the best of all rounds."""
        workload = self.workloads("peak")[0]
        return tuple(max(self.values(workload, "refrain f32", name)) for name in ("fma_gflops", "read_gb_per_s"))
