"""The workload of `refrain bench train` in JAX and Optax: one line of JSON per measurement.

    python jax_model.py train --hidden-size 256

JAX has no layers. The LSTM is `lax.scan` over time, with the input projection outside the loop, and the whole update is
compiled at once.
"""

import os
import time

from workload import EMBEDDING_SIZE, LEARNING_RATE, MAX_NORM, VOCAB_SIZE, WARM_UP, options, report

os.environ["JAX_PLATFORMS"] = "cpu"
chosen = options(__doc__)
# JAX uses as many threads as there are processors, and has no other setting.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.threads])

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402


def init(key):
    hidden = chosen.hidden_size

    def uniform(*shape):
        nonlocal key
        key, own = jax.random.split(key)
        return jax.random.uniform(own, shape, minval=-1.0, maxval=1.0) * hidden**-0.5

    sizes = [EMBEDDING_SIZE] + [hidden] * (chosen.num_layers - 1)
    return {
        "embedding": uniform(VOCAB_SIZE, EMBEDDING_SIZE),
        "layers": [(uniform(size, 4 * hidden), uniform(hidden, 4 * hidden), uniform(4 * hidden)) for size in sizes],
        "readout": (uniform(hidden, VOCAB_SIZE), uniform(VOCAB_SIZE)),
    }


def lstm(weights, inputs, state):
    """`[T, B, I]` to `[T, B, H]`, and the state after the last step."""
    by_input, by_state, bias = weights

    def step(carried, projected):
        h, c = carried
        i, f, g, o = jnp.split(projected + h @ by_state, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return jax.lax.scan(step, state, inputs @ by_input + bias)


def loss(params, inputs, targets, states):
    hidden, last = params["embedding"][inputs], []
    for weights, state in zip(params["layers"], states):
        state, hidden = lstm(weights, hidden, state)
        last.append(state)
    matrix, bias = params["readout"]
    logits = hidden @ matrix + bias
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean(), last


optimizer = optax.chain(optax.clip_by_global_norm(MAX_NORM), optax.adam(LEARNING_RATE))


@jax.jit
def update(params, moments, inputs, targets, states):
    gradients, states = jax.grad(loss, has_aux=True)(params, inputs, targets, states)
    changes, moments = optimizer.update(gradients, moments)
    return optax.apply_updates(params, changes), moments, states


def main():
    shape = (chosen.seq_length, chosen.batch_size)
    inputs, targets = (jax.random.randint(jax.random.key(seed), shape, 0, VOCAB_SIZE) for seed in (1, 2))
    params = init(jax.random.key(0))
    moments = optimizer.init(params)
    zeros = jnp.zeros((chosen.batch_size, chosen.hidden_size))
    states, seconds = [(zeros, zeros)] * chosen.num_layers, []
    for _ in range(WARM_UP + chosen.repeat):
        start = time.perf_counter()
        params, moments, states = jax.block_until_ready(update(params, moments, inputs, targets, states))
        seconds.append(time.perf_counter() - start)
    report(f"JAX {jax.__version__}", chosen.seq_length * chosen.batch_size, seconds)


main()
