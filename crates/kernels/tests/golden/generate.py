#!/usr/bin/env python3
"""Writes the golden files: small cases computed by PyTorch, which the Rust tests must reproduce.

Run it from anywhere, with any Python that has PyTorch:

    python3 crates/kernels/tests/golden/generate.py            # rewrites the files next to this script
    python3 crates/kernels/tests/golden/generate.py --out DIR  # writes elsewhere, to compare

The committed files were made with PyTorch 2.15.0 on a CPU, one thread.

A file is text. A line that starts with `#` is a comment; every other line is one array:

    name dim dim ... : value value ...

row-major, with nine significant digits, enough to restore an f32 exactly.

Inputs, weights and upstream gradients are drawn as f32. PyTorch then computes in f64 and the results are rounded to
f32 once, at the end. So values are correct to half a unit in the last place on any machine, and the tolerance of a
test covers only the rounding error of the code under test.

Every cell case has `x` [T, B, I], `h0` [L, B, H] (and `c0`), the parameters under PyTorch's names, and the upstream
gradients `d_output` [T, B, H], `d_h_n` [L, B, H] (and `d_c_n`) of the loss

    loss = sum(output * d_output) + sum(h_n * d_h_n) + sum(c_n * d_c_n)

which exercises every gradient. The results are `output`, `h_n` (and `c_n`), `d_x`, `d_h0` (and `d_c0`) and
`d_<parameter>`. Cases with rows of different lengths also have `lengths` [B]; there `x` and `d_output` are random in
the padding too, because padding must have no effect.
"""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

T, B, I = 11, 3, 5
LENGTHS = [11, 4, 7]
WEIGHT_SCALE = 0.4  # large enough that some gates saturate, small enough that nothing diverges


def write(path, title, arrays):
    """Writes one line per array. `%.9g` of a double that holds an f32 parses back to that f32."""
    with open(path, "w") as file:
        file.write(f"# {title}; PyTorch {torch.__version__.split('+')[0]}\n")
        for name, array in arrays.items():
            array = array.detach()
            shape = "".join(f" {size}" for size in array.shape)
            values = " ".join("%.9g" % value for value in array.to(torch.float32).reshape(-1).tolist())
            file.write(f"{name}{shape} : {values}\n")


def draw(generator, *shape, scale=1.0):
    """Normal numbers that an f32 holds exactly, as f64."""
    return (scale * torch.randn(*shape, generator=generator)).double()


def leaf(tensor):
    return tensor.clone().requires_grad_()


class SpelledOut:
    """The two cells PyTorch lacks, one layer, each step written as its equation; autograd gives the gradients."""

    def __init__(self, step, gates, hidden_size):
        self.step = step
        self.shapes = {
            "weight_ih_l0": (gates * hidden_size, I),
            "weight_hh_l0": (gates * hidden_size, hidden_size),
            "bias_ih_l0": (gates * hidden_size,),
            "bias_hh_l0": (gates * hidden_size,),
        }

    def __call__(self, parameters, x, h0):
        h, outputs = h0[0], []
        for x_t in x:
            h = self.step(x_t, h, *parameters.values())
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)


def logistic_elman(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.sigmoid(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def gru_reset_before(x, h, w_ih, w_hh, b_ih, b_hh):
    """Cho et al. 2014: the reset gate acts on the state, before the recurrent product."""
    u_r, u_z, u_n = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    w_hr, w_hz, w_hn = w_hh.chunk(3)
    b_hr, b_hz, b_hn = b_hh.chunk(3)
    r = torch.sigmoid(u_r + h @ w_hr.T + b_hr)
    z = torch.sigmoid(u_z + h @ w_hz.T + b_hz)
    n = torch.tanh(u_n + (r * h) @ w_hn.T + b_hn)
    return (1 - z) * n + z * h


def cell_case(path, title, module, seed, *, num_layers=1, hidden_size=7, lengths=None, reverse=False):
    """Draws a case, runs it, backpropagates through it and writes everything. With both directions of a module (and no
    `reverse`), states have one for each direction of each layer, and outputs both side by side."""
    generator = torch.Generator().manual_seed(seed)
    spelled_out = isinstance(module, SpelledOut)
    has_cell_state = isinstance(module, nn.LSTM)
    directions = 2 if getattr(module, "bidirectional", False) and not reverse else 1
    num_states = num_layers * directions

    x = leaf(draw(generator, T, B, I))
    h0 = leaf(draw(generator, num_states, B, hidden_size, scale=0.5))
    c0 = leaf(draw(generator, num_states, B, hidden_size, scale=0.5))
    if spelled_out:
        shapes = module.shapes
    else:
        module = module.double()
        shapes = {name: parameter.shape for name, parameter in module.named_parameters()}
    parameters = {name: leaf(draw(generator, *shape, scale=WEIGHT_SCALE)) for name, shape in shapes.items()}
    d_output = draw(generator, T, B, directions * hidden_size)
    d_h_n = draw(generator, num_states, B, hidden_size)
    d_c_n = draw(generator, num_states, B, hidden_size)

    if spelled_out:
        output, h_n = module(parameters, x, h0)
        c_n = None
    else:
        output, h_n, c_n = run_module(module, parameters, x, h0, c0, lengths, reverse)

    loss = (output * d_output).sum() + (h_n * d_h_n).sum()
    if has_cell_state:
        loss = loss + (c_n * d_c_n).sum()
    if reverse:
        parameters = {name: value for name, value in parameters.items() if name.endswith("_reverse")}
    loss.backward()

    arrays = {"x": x, "h0": h0}
    if lengths is not None:
        arrays["lengths"] = torch.tensor(lengths)
    if has_cell_state:
        arrays["c0"] = c0
    arrays |= parameters
    arrays |= {"d_output": d_output, "d_h_n": d_h_n}
    if has_cell_state:
        arrays["d_c_n"] = d_c_n
    arrays |= {"output": output, "h_n": h_n}
    if has_cell_state:
        arrays["c_n"] = c_n
    arrays |= {"d_x": x.grad, "d_h0": h0.grad}
    if has_cell_state:
        arrays["d_c0"] = c0.grad
    arrays |= {f"d_{name}": parameter.grad for name, parameter in parameters.items()}
    write(path, title, arrays)


def run_module(module, parameters, x, h0, c0, lengths, reverse):
    """Calls nn.RNN, nn.GRU or nn.LSTM with our parameters. With `reverse`, keeps only the reverse direction."""
    has_cell_state = isinstance(module, nn.LSTM)
    if reverse:  # the forward direction starts at zero and is discarded
        h0, c0 = (torch.cat([torch.zeros_like(state), state]) for state in (h0, c0))
    state = (h0, c0) if has_cell_state else h0
    if lengths is None:
        output, state = torch.func.functional_call(module, parameters, (x, state))
    else:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        packed, state = torch.func.functional_call(module, parameters, (packed, state))
        output, _ = pad_packed_sequence(packed, total_length=T)
    h_n, c_n = state if has_cell_state else (state, None)
    if reverse:
        output, h_n, c_n = output[..., module.hidden_size :], h_n[1:], c_n[1:]
    return output, h_n, c_n


def attention_case(path, title, score, seed):
    """Attention over padded rows, spelled out: scores, softmax over the steps that a row has, weighted mean."""
    generator = torch.Generator().manual_seed(seed)
    queries, size, width = 4, 6, 5
    arrays = {
        "queries": leaf(draw(generator, queries, B, size)),
        "keys": leaf(draw(generator, T, B, size)),
        "values": leaf(draw(generator, T, B, width)),
        "v": leaf(draw(generator, size)),
    }
    d_context = draw(generator, queries, B, width)
    scores = score(arrays["queries"].unsqueeze(1), arrays["keys"].unsqueeze(0), arrays["v"])
    beyond = torch.arange(T)[None, :, None] >= torch.tensor(LENGTHS)[None, None, :]
    weights = scores.masked_fill(beyond, float("-inf")).softmax(dim=1)
    context = (weights.unsqueeze(-1) * arrays["values"].unsqueeze(0)).sum(1)
    (context * d_context).sum().backward()
    grads = {f"d_{name}": array.grad for name, array in arrays.items() if array.grad is not None}
    arrays = {"lengths": torch.tensor(LENGTHS)} | arrays | {"d_context": d_context, "context": context} | grads
    write(path, title, arrays | {"weights": weights.transpose(1, 2)})


def layer_norm_case(path, title, seed):
    """nn.LayerNorm over padded rows: padding gives zeros and receives no gradient, whatever its values."""
    generator = torch.Generator().manual_seed(seed)
    width = 21
    module = nn.LayerNorm(width).double()
    x = leaf(1.5 + draw(generator, T, B, width, scale=0.3))
    parameters = {name: leaf(draw(generator, *value.shape)) for name, value in module.named_parameters()}
    d_output = draw(generator, T, B, width)
    running = torch.arange(T)[:, None] < torch.tensor(LENGTHS)[None, :]
    output = torch.func.functional_call(module, parameters, (x,)) * running.unsqueeze(-1)
    (output * d_output).sum().backward()
    grads = {f"d_{name}": parameter.grad for name, parameter in parameters.items()}
    arrays = {"lengths": torch.tensor(LENGTHS), "x": x} | parameters | {"d_output": d_output, "output": output}
    write(path, title, arrays | {"d_x": x.grad} | grads)


def sentences_case(path):
    """Three sentences, one-hot in, nn.RNN of 12 units, nn.Linear out, a hundred steps of Adam.

    The losses are computed in f32, as a user would (`losses`), and again in f64 from the same weights (`losses_f64`):
    the difference is due to rounding alone. Each loss is taken before that epoch's update.
    """
    sentences = ["hey how are you", "good i am fine", "have a nice day"]
    longest = max(len(sentence) for sentence in sentences)
    sentences = [sentence.ljust(longest) for sentence in sentences]
    vocabulary = sorted(set("".join(sentences)))
    ids = torch.tensor([[vocabulary.index(symbol) for symbol in sentence] for sentence in sentences])
    inputs, targets = ids[:, :-1], ids[:, 1:]

    torch.manual_seed(1)
    rnn = nn.RNN(len(vocabulary), 12, batch_first=True)
    fc = nn.Linear(12, len(vocabulary))
    model = nn.ModuleDict({"rnn": rnn, "fc": fc})
    initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    def train(dtype):
        model.to(dtype).load_state_dict(initial)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        one_hot = nn.functional.one_hot(inputs, len(vocabulary)).to(dtype)
        losses = []
        for _ in range(100):
            optimizer.zero_grad()
            output, _ = rnn(one_hot)
            loss = nn.functional.cross_entropy(fc(output).flatten(0, 1), targets.flatten())
            losses.append(loss.item())
            loss.backward()
            optimizer.step()
        return torch.tensor(losses)

    losses_f64 = train(torch.float64)
    losses = train(torch.float32)

    completion = [vocabulary.index(symbol) for symbol in "good"]
    while len(completion) < longest:
        one_hot = nn.functional.one_hot(torch.tensor([completion]), len(vocabulary)).float()
        completion.append(int(fc(rnn(one_hot)[0])[0, -1].argmax()))
    text = "".join(vocabulary[symbol] for symbol in completion)

    title = f"sentences; vocabulary {''.join(vocabulary)!r} by code point; 'good' is completed to {text!r}"
    arrays = {"inputs": inputs, "targets": targets} | initial
    arrays |= {"losses": losses, "losses_f64": losses_f64, "completion": torch.tensor(completion)}
    write(path, title, arrays)
    print(f"sentences: loss {losses[0]:.4f} -> {losses[-1]:.4f}, {text!r}")


def main():
    parser = argparse.ArgumentParser(description="Write the golden files from PyTorch.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    seed = 100
    modules = {
        "lstm": lambda hidden, layers, **more: nn.LSTM(I, hidden, layers, **more),
        "gru": lambda hidden, layers, **more: nn.GRU(I, hidden, layers, **more),
        "rnn_tanh": lambda hidden, layers, **more: nn.RNN(I, hidden, layers, nonlinearity="tanh", **more),
        "rnn_relu": lambda hidden, layers, **more: nn.RNN(I, hidden, layers, nonlinearity="relu", **more),
    }
    for name, module in modules.items():
        for num_layers in (1, 2):
            seed += 1
            title = f"{name}, {num_layers} layer(s)"
            cell_case(out / f"{name}_{num_layers}.golden", title, module(7, num_layers), seed, num_layers=num_layers)
    for name in ("lstm", "gru"):
        seed += 1
        module = modules[name](9, 1, bias=False)
        cell_case(out / f"{name}_no_bias.golden", f"{name}, no bias", module, seed, hidden_size=9)
    for name in ("lstm", "gru"):
        seed += 1
        title = f"{name}, rows of lengths {LENGTHS}"
        cell_case(out / f"{name}_lengths.golden", title, modules[name](7, 1), seed, lengths=LENGTHS)
    seed += 1
    module = nn.LSTM(I, 7, bidirectional=True)
    title = f"lstm, backward half of a bidirectional one, rows of lengths {LENGTHS}"
    cell_case(out / "lstm_reverse_lengths.golden", title, module, seed, lengths=LENGTHS, reverse=True)

    spelled_out = {
        "rnn_logistic_1": ("rnn with the logistic function, spelled out", SpelledOut(logistic_elman, 1, 7)),
        "gru_reset_before_1": ("gru, reset before the product, spelled out", SpelledOut(gru_reset_before, 3, 7)),
    }
    for name, (title, module) in spelled_out.items():
        seed += 1
        cell_case(out / f"{name}.golden", title, module, seed)
    for name in ("lstm", "gru", "rnn_tanh"):
        seed += 1
        title = f"{name}, 2 layers, both directions, rows of lengths {LENGTHS}"
        module = modules[name](7, 2, bidirectional=True)
        cell_case(out / f"{name}_both_directions.golden", title, module, seed, num_layers=2, lengths=LENGTHS)
    scores = {
        "dot": lambda query, key, v: (query * key).sum(-1),
        "additive": lambda query, key, v: (torch.tanh(query + key) * v).sum(-1),
    }
    for name, score in scores.items():
        seed += 1
        attention_case(out / f"attention_{name}.golden", f"{name} attention, spelled out", score, seed)
    layer_norm_case(out / "layer_norm.golden", f"nn.LayerNorm, rows of lengths {LENGTHS}", seed + 1)
    sentences_case(out / "sentences.golden")


if __name__ == "__main__":
    main()
