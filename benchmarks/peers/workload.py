"""What the Python peers share: the flags of `refrain bench`, and the line of JSON at the end."""

import argparse
import json
import statistics

VOCAB_SIZE, EMBEDDING_SIZE = 65, 64
LEARNING_RATE, MAX_NORM = 2e-3, 5.0
WARM_UP = 3


def options(doc, precisions=("f32",), ways=None):
    """Command-line options."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "sample"] if ways else ["train"])
    parser.add_argument("--cell", choices=["rnn", "gru", "lstm"] if ways else ["lstm"], default="lstm")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--seq-length", type=int, default=50, help="time steps of a sequence, or tokens of a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=12, help="timed rounds")
    parser.add_argument("--precision", choices=precisions, default="f32")
    if ways:
        parser.add_argument("--way", choices=list(ways), default=list(ways)[0], help="implementation of sampling")
    return parser.parse_args()


def report(version, symbols, seconds, **more):
    """Prints the results of the rounds, each of `symbols` tokens; the first `WARM_UP` rounds are not counted."""
    timed = seconds[WARM_UP:]
    print(json.dumps({
        "version": version,
        "chars_per_s": symbols / statistics.median(timed),
        "best_chars_per_s": symbols / min(timed),
        **more,
    }))
