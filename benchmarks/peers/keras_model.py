"""The workload of `refrain bench train` with Keras on TensorFlow: one line of JSON per measurement.

    python keras_model.py train --hidden-size 256

The state is zero at the start of each update, which is the default of Keras.
"""

import os
import time

from workload import EMBEDDING_SIZE, LEARNING_RATE, MAX_NORM, VOCAB_SIZE, WARM_UP, options, report

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
chosen = options(__doc__)

import keras  # noqa: E402  (reads the environment at import)
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def language_model():
    layers = [keras.layers.LSTM(chosen.hidden_size, return_sequences=True) for _ in range(chosen.num_layers)]
    model = keras.Sequential([
        keras.layers.Input((chosen.seq_length,), dtype="int32"),
        keras.layers.Embedding(VOCAB_SIZE, EMBEDDING_SIZE),
        *layers,
        keras.layers.Dense(VOCAB_SIZE),
    ])
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=MAX_NORM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def main():
    tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
    tf.config.threading.set_inter_op_parallelism_threads(chosen.threads)
    model, random = language_model(), np.random.default_rng(0)
    shape = (chosen.batch_size, chosen.seq_length)
    inputs, targets = (random.integers(VOCAB_SIZE, size=shape, dtype=np.int32) for _ in range(2))
    seconds = []
    for _ in range(WARM_UP + chosen.repeat):
        start = time.perf_counter()
        model.train_on_batch(inputs, targets)
        seconds.append(time.perf_counter() - start)
    report(f"Keras {keras.__version__} (TensorFlow {tf.__version__})", chosen.batch_size * chosen.seq_length, seconds)


main()
