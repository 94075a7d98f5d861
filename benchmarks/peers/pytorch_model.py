"""The workload of `refrain bench` in PyTorch: one line of JSON per measurement.

    python pytorch_model.py train  --cell lstm --hidden-size 256 --precision bf16
    python pytorch_model.py sample --cell lstm --hidden-size 512 --way hand

bf16 is `torch.autocast` in training, and bf16 weights in sampling.
"""

import contextlib
import time

import torch
from torch import nn

from workload import EMBEDDING_SIZE, LEARNING_RATE, MAX_NORM, VOCAB_SIZE, WARM_UP, options, report

MODULES = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class LanguageModel(nn.Module):
    def __init__(self, chosen):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, EMBEDDING_SIZE)
        self.rnn = MODULES[chosen.cell](EMBEDDING_SIZE, chosen.hidden_size, chosen.num_layers)
        self.readout = nn.Linear(chosen.hidden_size, VOCAB_SIZE)

    def forward(self, ids, state=None):
        output, state = self.rnn(self.embedding(ids), state)
        return self.readout(output), state


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def train(chosen):
    """Seconds per update."""
    model = LanguageModel(chosen)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    shape = (chosen.seq_length, chosen.batch_size)
    inputs, targets = (torch.randint(VOCAB_SIZE, shape) for _ in range(2))
    half = chosen.precision == "bf16"
    numbers = torch.autocast("cpu", dtype=torch.bfloat16) if half else contextlib.nullcontext()
    state, seconds = None, []
    for _ in range(WARM_UP + chosen.repeat):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with numbers:
            logits, state = model(inputs, state)
        nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        # Under autocast, recurrent modules reject the states they return, so each update starts from zero.
        state = None if half else detached(state)
        seconds.append(time.perf_counter() - start)
    return seconds


def step_by_module(chosen):
    """`nn.LSTM`, one time step per call."""
    model, state = LanguageModel(chosen).to(DTYPES[chosen.precision]).eval(), None

    def step(symbol):
        nonlocal state
        logits, state = model(torch.tensor([[symbol]]), state)
        return logits.flatten()

    return step


def step_by_cells(chosen):
    """`nn.LSTMCell`, one layer per call."""
    dtype = DTYPES[chosen.precision]
    model = LanguageModel(chosen).to(dtype).eval()
    sizes = [EMBEDDING_SIZE] + [chosen.hidden_size] * (chosen.num_layers - 1)
    cells = [CELLS[chosen.cell](size, chosen.hidden_size).to(dtype) for size in sizes]
    states = [None] * len(cells)

    def step(symbol):
        x = model.embedding(torch.tensor([symbol]))
        for layer, cell in enumerate(cells):
            states[layer] = cell(x, states[layer])
            x = states[layer][0] if chosen.cell == "lstm" else states[layer]
        return model.readout(x).flatten()

    return step


def step_by_hand(chosen):
    """Matrix-vector products without modules."""
    if chosen.cell != "lstm":
        raise SystemExit("--way hand supports --cell lstm only")
    hidden, dtype = chosen.hidden_size, DTYPES[chosen.precision]

    def matrix(*shape):
        return (torch.randn(*shape) * 0.05).to(dtype)

    sizes = [EMBEDDING_SIZE] + [hidden] * (chosen.num_layers - 1)
    table, readout = matrix(VOCAB_SIZE, EMBEDDING_SIZE), matrix(VOCAB_SIZE, hidden)
    layers = [(matrix(4 * hidden, size), matrix(4 * hidden, hidden), matrix(4 * hidden)) for size in sizes]
    h, c = ([torch.zeros(hidden, dtype=dtype) for _ in sizes] for _ in range(2))

    def step(symbol):
        x = table[symbol]
        for layer, (by_input, by_state, bias) in enumerate(layers):
            i, f, g, o = torch.addmv(torch.addmv(bias, by_input, x), by_state, h[layer]).chunk(4)
            c[layer] = f.sigmoid() * c[layer] + i.sigmoid() * g.tanh()
            h[layer] = x = o.sigmoid() * c[layer].tanh()
        return torch.mv(readout, x)

    return step


WAYS = {"module": step_by_module, "cell": step_by_cells, "hand": step_by_hand}


@torch.inference_mode()
def sample(chosen):
    """Seconds per round of tokens, each the input of the next step."""
    step, symbol, seconds = WAYS[chosen.way](chosen), 0, []
    for _ in range(WARM_UP + chosen.repeat):
        start = time.perf_counter()
        for _ in range(chosen.seq_length):
            symbol = int(torch.multinomial(step(symbol).float().softmax(0), 1))
        seconds.append(time.perf_counter() - start)
    return seconds


def main():
    chosen = options(__doc__, precisions=list(DTYPES), ways=WAYS)
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    training = chosen.what == "train"
    seconds = train(chosen) if training else sample(chosen)
    symbols = chosen.seq_length * (chosen.batch_size if training else 1)
    report(f"PyTorch {torch.__version__}", symbols, seconds, isa=torch.backends.cpu.get_cpu_capability())


main()
