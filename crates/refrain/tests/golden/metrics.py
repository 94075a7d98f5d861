#!/usr/bin/env python3
"""Writes metrics.json: predictions and targets with the scores of sacreBLEU, seqeval and scikit-learn.

Run it from anywhere, with any Python that has sacreBLEU, seqeval and scikit-learn:

    python3 crates/refrain/tests/golden/metrics.py                      # rewrites the file next to this script
    python3 crates/refrain/tests/golden/metrics.py --out FILE --size N  # writes elsewhere, N times as many random cases

The committed file was made with sacreBLEU 2.6.0, seqeval 1.2.2 and scikit-learn 1.9.1. The sentences are invented.
"""

import argparse
import json
import random
import warnings
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path

import numpy
from sacrebleu.metrics import BLEU, CHRF
from scipy.stats import norm
from seqeval.metrics import sequence_labeling
from sklearn import metrics

# Each entry is a prediction and its references.
LANGUAGES = {
    "english": [
        ("The ferry left at 7.45, didn't it?", ["The ferry left at 7:45, did it not?"]),
        ("He paid $1,250.50 for a well-used boat (1998-2003).", ["He paid $1,250.50 for a second-hand boat (1998–2003)."]),
        ("It cost 3.5% more... or so she said!", ["It was 3.5% dearer, or so she said."]),
    ],
    "german": [
        ("Die Fähre legt um 7.45 Uhr ab.", ["Um 7.45 Uhr legt die Fähre ab.", "Die Fähre fährt um 7.45 Uhr."]),
        ("Straßenbahn-Haltestellen gibt es hier keine.", ["Haltestellen der Straßenbahn gibt es hier nicht."]),
        ("„Niemand“, sagte er, „weiß das.“", ["„Das weiß niemand“, sagte er."]),
    ],
    "greek, arabic and hindi": [
        ("Το πλοίο έφυγε στις 7.45;", ["Το καράβι έφυγε στις 7.45;"]),
        ("غادرت السفينة الميناء، أليس كذلك؟", ["غادرت السفينة الميناء صباحا، أليس كذلك؟"]),
        ("नाव सुबह चली गई।", ["नाव सुबह ही चली गई थी।"]),
    ],
    "chinese and japanese": [
        ("船在早上离开了港口。", ["船早上离开港口。", "早上,船离开了港口。"]),
        ("船は朝、港を出た。", ["船は朝に港を出ました。"]),
    ],
    "french, spacing and combining accents": [
        ("Le bac est-il parti à 7 h 45 ?", ["Le bac est\u00a0parti à 7\u202fh\u202f45\u00a0?"]),
        ("Cafe\u0301 ferme\u0301 !", ["Café fermé !"]),
        ("👩‍👩‍👧 et 🐈", ["👩‍👩‍👧 et 🐕"]),
    ],
    "markup and odd space": [
        ("&quot;A &amp; B&quot; &lt;C&gt; &apos;D&apos;  ", ['"A & B" <C> \'D\'']),
        ("hyphen-\nated <skipped>words\tend-\n", ["hyphenated words end"]),
        ("a\x1cb\u3000c\u2028d\x85e", ["a b c d e"]),
        ("1-2, 3,4 5. .6 7.,8 ..9-- -10", ["1 - 2, 3,4 5. .6 7.,8 ..9-- - 10"]),
    ],
    "empty predictions": [("", ["Nothing was said."]), ("   ", ["Nothing at all was said."]), ("", [""])],
    "some empty, with more or fewer references": [
        ("", ["So it goes on and on.", "It goes on."]),
        ("So it goes on.", ["So it goes on and on.", "It goes on.", "So on."]),
        ("So it goes on and on.", ["So it goes on and on."]),
        ("So on.", ["", "So it goes."]),
        ("On.", [""]),
    ],
    "perfect": [("A b c d, e!", ["A b c d, e!"])],
    "no match": [("Completely other words, here.", ["xyz XYZ"])],
    "too short for four words": [("a b c", ["a b c"]), ("d", ["d e f g h"])],
}

WORDS = """the ferry left at noon 7.45 1,000 3-4 it's (so) "to" say; été Straße 船在 早上 &amp; &quot;x&lt; <skipped> - . , ...
a-b c.d 5. .6 7,x x,7 8- -9 / [y] {z} ~ ` # % ^_^ 👩‍👧 е́ ١٢٣ 12 \u00a0 \u3000 \x1e \u200b""".split(" ")


def sentence(draw):
    return "".join(draw.choice(WORDS) + draw.choice([" ", " ", " ", "", "\n", "\t"]) for _ in range(draw.randrange(25)))


def altered(draw, text):
    """The text with a few words inserted, removed or replaced."""
    words = text.split(" ")
    for _ in range(draw.randrange(6)):
        at = draw.randrange(len(words) + 1)
        words[at : at + draw.randrange(3)] = draw.choices(WORDS, k=draw.randrange(3))
    return " ".join(words)


def random_translations(draw, sentences):
    for _ in range(sentences):
        predicted = sentence(draw)
        yield predicted, [altered(draw, predicted) for _ in range(draw.randint(1, 3))]


def translation(name, pairs):
    predicted = [prediction for prediction, _ in pairs]
    references = list(zip_longest(*(references for _, references in pairs)))
    bleu = BLEU().corpus_score(predicted, references)
    return {
        "name": name,
        "sentences": [{"predicted": prediction, "references": references} for prediction, references in pairs],
        "bleu": bleu.score,
        "brevity_penalty": bleu.bp,
        "chrf": CHRF().corpus_score(predicted, references).score,
    }


def spans(name, truth, predicted):
    def score(average):
        return sequence_labeling.precision_recall_fscore_support(truth, predicted, average=average)

    tags = [tag for sequences in (truth, predicted) for tags in sequences for tag in [*tags, "O"]]
    found = sequence_labeling.get_entities(tags)
    kinds = sorted({kind for kind, _, _ in found})
    return {
        "name": name,
        "truth": truth,
        "predicted": predicted,
        "overall": list(map(float, score("micro"))),
        "kinds": {kind: row for kind, row in zip(kinds, numpy.array(score(None), dtype=float).T.tolist(), strict=True)},
    }


def random_spans(draw, name, tags, sequences):
    truth = [draw.choices(tags, k=draw.randrange(1, 15)) for _ in range(sequences)]
    predicted = [[draw.choice(tags) if draw.random() < 0.3 else tag for tag in row] for row in truth]
    return spans(name, truth, predicted)


def classification(draw, name, labels, size):
    truth = draw.choices(labels, k=size)
    predicted = [draw.randrange(max(labels) + 2) if draw.random() < 0.4 else label for label in truth]
    rows = numpy.array(metrics.precision_recall_fscore_support(truth, predicted, zero_division=0.0), dtype=float).T
    return {
        "name": name,
        "truth": truth,
        "predicted": predicted,
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "macro_f1": float(metrics.f1_score(truth, predicted, average="macro")),
        "classes": dict(zip(map(str, sorted({*truth, *predicted})), rows.tolist(), strict=True)),
    }


def forecast(draw, quantile, size):
    truths = [draw.gauss(3, 2) for _ in range(size)]
    predictions = [truth + draw.gauss(0.5, 1) for truth in truths]
    deviations = [draw.uniform(0.3, 2) for _ in truths]
    return {
        "truths": truths,
        "predictions": predictions,
        "deviations": deviations,
        "quantile": quantile,
        "rmse": float(metrics.root_mean_squared_error(truths, predictions)),
        "mae": float(metrics.mean_absolute_error(truths, predictions)),
        "pinball": float(metrics.mean_pinball_loss(truths, predictions, alpha=quantile)),
        "gaussian_nll": float(-norm.logpdf(truths, predictions, deviations).mean()),
    }


def golden(size):
    draw = random.Random(1912)
    schemes = {
        "BIO": "O B-PER I-PER B-LOC I-LOC",
        "IOB1": "O . I-A I-B I-C B-A",
        "IOBES": "O B-PER I-PER E-PER S-PER B-LOC I-LOC E-LOC S-LOC",
        "types with hyphens, letters alone": "O B I E S B-A-B I-A-B B-A IA",
    }
    return {
        "made with": ", ".join(f"{tool} {version(tool)}" for tool in ["sacrebleu", "seqeval", "scikit-learn"]),
        "translations": [translation(name, pairs) for name, pairs in LANGUAGES.items()]
        + [translation("all of them", [pair for pairs in LANGUAGES.values() for pair in pairs])]
        + [translation(f"random {i}", list(random_translations(draw, 1 + 2 * i * size))) for i in range(3 * size)],
        "spans": [random_spans(draw, name, tags.split(), 8 * size) for name, tags in schemes.items()]
        + [spans("none", [["O", "O"]], [["O", "O"]]), spans("none predicted", [["B-A", "I-A"]], [["O", "O"]])],
        "classification": [
            classification(draw, "two", [0, 1], 30 * size),
            classification(draw, "gaps", [0, 2, 3, 9, 12], 40 * size),
            classification(draw, "one", [0], 3),
        ],
        "forecasts": [forecast(draw, quantile, 5 * size) for quantile in (0.1, 0.5, 0.9)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("metrics.json"))
    parser.add_argument("--size", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of seqeval about unusual tags, and of both about undefined ratios
    text = json.dumps(golden(arguments.size), ensure_ascii=True, separators=(",", ":"))
    # One case per line, for readable diffs.
    arguments.out.write_text(text.replace("},{\"name\"", "},\n{\"name\"") + "\n")


if __name__ == "__main__":
    main()
