"""`refrain train` at a task of sentences: one line of JSON a measurement.

    python refrain_task.py tag --hidden-size 200 --program target/release/refrain

An epoch is timed from the last update before it to its own last, by the events of a run like any other: what refrain
does to make its batches counts.
"""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from task import (BATCHES, LEARNING_RATE, MAX_NORM, TASKS, WEIGHT_DECAY, class_of, epoch, options, padded, report,
                  sentences, spelled, tag_of)


def write(path, task, made):
    """As refrain reads them: `class<TAB>text`, or a word a line with its tag."""
    with open(path, "w", encoding="utf-8") as file:
        for sentence in made:
            if task == "classify":
                file.write(f"{class_of(sentence)}\t{' '.join(map(spelled, sentence))}\n")
            else:
                file.writelines(f"{spelled(word)}\tT{tag_of(word)}\n" for word in sentence)
                file.write("\n")


def events(chosen, made):
    """Of a run that learns at the same rate throughout and holds nothing back."""
    recipe = {
        **TASKS[chosen.task], "task": chosen.task, "hidden_size": chosen.hidden_size, "threads": chosen.threads,
        "batch_size": chosen.batch_size, "min_count": 1, "epochs": 1 + chosen.repeat, "valid_fraction": 0,
        "learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "grad_clip": MAX_NORM, "schedule": "constant",
        "warmup_steps": 0, "precision": "f32", "checkpoint_every": "1h",
    }
    flags = [word for name, value in recipe.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "sentences"), Path(folder, "run")
        write(data, chosen.task, made)
        command = [chosen.program, "train", data, *flags, "--out", out, "--json"]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def main():
    chosen = options(__doc__)
    made = sentences(BATCHES * chosen.batch_size)
    told = events(chosen, made)
    epochs = [[step for step in told if step["event"] == "step" and step["epoch"] == 1 + number]
              for number in range(1 + chosen.repeat)]
    ends = [0.0] + [steps[-1]["elapsed_s"] for steps in epochs]
    losses = [statistics.mean(step["loss"] for step in steps) for steps in epochs]
    counted = {
        "parameters": told[0]["parameters"], "updates": len(epochs[-1]), "sentences": told[0]["train_size"],
        "words": sum(map(len, made)), "steps": padded(epoch(made, chosen.batch_size, chosen.repeat)),
    }
    version = subprocess.run([chosen.program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    report(version.split()[1], counted, losses, [end - begin for begin, end in zip(ends, ends[1:])])


main()
