"""`refrain train` for a task on sentences: one line of JSON per measurement.

    python refrain_task.py tag --hidden-size 200 --program target/release/refrain

The time of an epoch is from the last update of the previous epoch to its own last update, according to the events of an
ordinary run, so it includes making the batches.
"""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from task import (BATCHES, LEARNING_RATE, MAX_NORM, TASKS, WEIGHT_DECAY, class_of, epoch, options, padded, report,
                  sentences, spelled, tag_of)


def write(path, task, made):
    """In the formats of refrain: `class<TAB>text`, or a word and its tag per line."""
    with open(path, "w", encoding="utf-8") as file:
        for sentence in made:
            if task == "classify":
                file.write(f"{class_of(sentence)}\t{' '.join(map(spelled, sentence))}\n")
            else:
                file.writelines(f"{spelled(word)}\tT{tag_of(word)}\n" for word in sentence)
                file.write("\n")


def events(chosen, made):
    """The events of a run with a constant learning rate and no validation set."""
    settings = {
        **TASKS[chosen.task], "task": chosen.task, "hidden_size": chosen.hidden_size, "threads": chosen.threads,
        "batch_size": chosen.batch_size, "min_count": 1, "epochs": 1 + chosen.repeat, "valid_fraction": 0,
        "learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "grad_clip": MAX_NORM, "schedule": "constant",
        "warmup_steps": 0, "precision": "f32", "checkpoint_every": "1h",
    }
    flags = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "sentences"), Path(folder, "run")
        write(data, chosen.task, made)
        command = [chosen.program, "train", data, *flags, "--out", out, "--json"]
        reported = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in reported.splitlines()]


def main():
    chosen = options(__doc__)
    made = sentences(BATCHES * chosen.batch_size)
    reported = events(chosen, made)
    epochs = [[step for step in reported if step["event"] == "step" and step["epoch"] == 1 + number]
              for number in range(1 + chosen.repeat)]
    ends = [0.0] + [steps[-1]["elapsed_s"] for steps in epochs]
    losses = [statistics.mean(step["loss"] for step in steps) for steps in epochs]
    counted = {
        "parameters": reported[0]["parameters"], "updates": len(epochs[-1]), "sentences": reported[0]["train_size"],
        "words": sum(map(len, made)), "steps": padded(epoch(made, chosen.batch_size, chosen.repeat)),
    }
    version = subprocess.run([chosen.program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    report(version.split()[1], counted, losses, [end - begin for begin, end in zip(ends, ends[1:])])


main()
