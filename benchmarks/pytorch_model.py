"""The workload of `refrain bench` in PyTorch: one line of JSON a measurement.

    python pytorch_model.py train  --cell lstm --hidden-size 256
    python pytorch_model.py sample --cell lstm --hidden-size 512
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn

VOCAB_SIZE, EMBEDDING_SIZE, CLIP = 65, 64, 5.0
MODULES = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


class LanguageModel(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, EMBEDDING_SIZE)
        self.rnn = MODULES[options.cell](EMBEDDING_SIZE, options.hidden_size, options.num_layers)
        self.readout = nn.Linear(options.hidden_size, VOCAB_SIZE)

    def forward(self, ids, state=None):
        output, state = self.rnn(self.embedding(ids), state)
        return self.readout(output), state


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def train(options):
    """Seconds of each timed step."""
    model = LanguageModel(options)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    shape = (options.seq_length, options.batch_size)
    inputs, targets = (torch.randint(VOCAB_SIZE, shape) for _ in range(2))
    state, seconds = None, []
    for _ in range(3 + options.repeat):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        logits, state = model(inputs, state)
        nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        state = detached(state)
        seconds.append(time.perf_counter() - start)
    return seconds[3:]


def step_by_module(options):
    model, state = LanguageModel(options).eval(), None

    def step(symbol):
        nonlocal state
        logits, state = model(torch.tensor([[symbol]]), state)
        return logits.flatten()

    return step


def step_by_cells(options):
    model = LanguageModel(options).eval()
    sizes = [EMBEDDING_SIZE] + [options.hidden_size] * (options.num_layers - 1)
    cells = [CELLS[options.cell](size, options.hidden_size) for size in sizes]
    states = [None] * len(cells)

    def step(symbol):
        x = model.embedding(torch.tensor([symbol]))
        for layer, cell in enumerate(cells):
            states[layer] = cell(x, states[layer])
            x = states[layer][0] if options.cell == "lstm" else states[layer]
        return model.readout(x).flatten()

    return step


def step_by_hand(options):
    """LSTM only: the products as matrix-vector products, nothing else in between."""
    hidden = options.hidden_size
    sizes = [EMBEDDING_SIZE] + [hidden] * (options.num_layers - 1)
    table, readout = torch.randn(VOCAB_SIZE, EMBEDDING_SIZE), torch.randn(VOCAB_SIZE, hidden) * 0.05
    layers = [[torch.randn(4 * hidden, size) * 0.05, torch.randn(4 * hidden, hidden) * 0.05] for size in sizes]
    h, c = ([torch.zeros(hidden) for _ in sizes] for _ in range(2))
    bias = torch.zeros(4 * hidden)

    def step(symbol):
        x = table[symbol]
        for layer, (by_input, by_state) in enumerate(layers):
            gates = torch.addmv(torch.addmv(bias, by_input, x), by_state, h[layer])
            i, f, g, o = gates.chunk(4)
            c[layer] = f.sigmoid() * c[layer] + i.sigmoid() * g.tanh()
            h[layer] = x = o.sigmoid() * c[layer].tanh()
        return torch.mv(readout, x)

    return step


@torch.inference_mode()
def sample(options):
    """Seconds a symbol of the fastest way, in rounds."""
    ways = [step_by_module, step_by_cells] + ([step_by_hand] if options.cell == "lstm" else [])
    fastest = []
    for way in ways:
        step, symbol, seconds = way(options), 0, []
        for _ in range(1 + options.repeat):
            start = time.perf_counter()
            for _ in range(options.seq_length):
                symbol = int(torch.multinomial(step(symbol).softmax(0), 1))
            seconds.append((time.perf_counter() - start) / options.seq_length)
        if not fastest or min(seconds[1:]) < min(fastest):
            fastest = seconds[1:]
    return fastest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "sample"])
    parser.add_argument("--cell", choices=list(CELLS), default="lstm")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--seq-length", type=int, help="steps of a sequence, or symbols of a round of sampling")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=12)
    options = parser.parse_args()
    options.seq_length = options.seq_length or {"train": 50, "sample": 300}[options.what]
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    seconds = {"train": train, "sample": sample}[options.what](options)
    symbols = options.seq_length * options.batch_size if options.what == "train" else 1
    print(json.dumps({
        "what": options.what,
        "version": f"PyTorch {torch.__version__}",
        "chars_per_s": symbols / statistics.median(seconds),
        "best_chars_per_s": symbols / min(seconds),
    }))


main()
