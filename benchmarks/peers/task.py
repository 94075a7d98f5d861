"""What both sides of the comparison of a task share: the sentences, the sizes of the model, and the line of JSON.

The sentences are random, with realistic lengths and word frequencies: a few short words are half of a text, and
thousands of longer ones are rare.
"""

import argparse
import json
import random
import statistics
import string

TASKS = {
    "classify": {"embedding_size": 128, "dropout": 0.5},
    "tag": {"embedding_size": 100, "dropout": 0.33, "char_embedding_size": 32, "char_hidden_size": 50,
            "word_dropout": 0.05},
}
LEARNING_RATE, WEIGHT_DECAY, MAX_NORM = 2e-3, 0.01, 1.0
BATCHES = 50  # per epoch
WORDS, TAGS = 8192, 17


def options(doc, ways=None):
    """Command-line options."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=2, help="timed epochs, after one that is not")
    if ways:
        parser.add_argument("--way", choices=ways, default=ways[0], help="how to process sentences of different lengths")
    else:
        parser.add_argument("--program", default="refrain", metavar="PATH")
    return parser.parse_args()


def sentences(count):
    """Lists of words, which are numbers from 1, the most frequent first.

    Lengths have a gamma distribution with mean 20 and standard deviation 10.7, words follow Zipf's law.
    """
    rng = random.Random(1)
    lengths = [max(1, round(rng.gammavariate(3.5, 20 / 3.5))) for _ in range(count)]
    return [[int(WORDS ** rng.random()) for _ in range(length)] for length in lengths]


def epoch(made, batch_size, seed):
    """Batches as in refrain: shuffled sentences, sorted by length within each quarter of the epoch, in shuffled
    batches."""
    rng = random.Random(seed)
    order = rng.sample(made, len(made))
    pool = len(order) // (4 * batch_size) * batch_size
    order = [one for at in range(0, len(order), pool) for one in sorted(order[at : at + pool], key=len, reverse=True)]
    batches = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    return rng.sample(batches, len(batches))


def padded(batches):
    """Number of words including padding."""
    return sum(len(batch) * max(map(len, batch)) for batch in batches)


def spelled(word):
    """Random letters; rare words are longer on average."""
    rng = random.Random(word)
    return "".join(rng.choices(string.ascii_lowercase, k=1 + word.bit_length() // 2 + rng.randrange(3)))


def tag_of(word):
    return word % TAGS


def class_of(sentence):
    """1 if most words are odd numbers, otherwise 0."""
    return int(2 * sum(word % 2 for word in sentence) > len(sentence))


def report(version, epoch, losses, seconds):
    """Prints the results of the epochs, of which the first is not timed.

    `epoch` has the counts of the model's parameters and of an epoch's updates, sentences, words and steps (words with
    padding), which must be equal on both sides.
    """
    words, timed = epoch["words"], seconds[1:]
    print(json.dumps({
        "version": version,
        "words_per_s": words / statistics.median(timed),
        "best_words_per_s": words / min(timed),
        "epoch": epoch,
        "losses": losses,
    }))
