"""The tasks of `refrain_task.py` in PyTorch: one line of JSON per measurement.

    python pytorch_task.py tag --hidden-size 200 --way packed

The batches of an epoch are made before it is timed. `packed` uses `pack_padded_sequence`, with which layers skip the
padding. With `padded` they process it: faster, but not quite the same model, because the backward direction starts with
the padding.
"""

import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from task import (BATCHES, LEARNING_RATE, MAX_NORM, TAGS, TASKS, WEIGHT_DECAY, class_of, epoch, options, report, sentences,
                  spelled, tag_of)

IGNORED = -100  # label of padding, ignored by cross_entropy


class Layer(nn.Module):
    """A bidirectional LSTM over sequences of different lengths, the longest first."""

    def __init__(self, input_size, hidden_size, way):
        super().__init__()
        self.lstm, self.packed = nn.LSTM(input_size, hidden_size, bidirectional=True), way == "packed"
        # Forget gates start open, as in refrain.
        for bias in (self.lstm.bias_ih_l0, self.lstm.bias_ih_l0_reverse):
            nn.init.uniform_(bias[hidden_size : 2 * hidden_size], 1 - hidden_size**-0.5, 1 + hidden_size**-0.5)

    def forward(self, x, lengths, padding=0.0):
        """`[T, B, 2 H]`; at padding the value is `padding`, or undefined if not packed."""
        if not self.packed:
            return self.lstm(x)[0]
        return pad_packed_sequence(self.lstm(pack_padded_sequence(x, lengths))[0], padding_value=padding)[0]

    def last(self, x, lengths):
        """The last outputs of both directions, `[B, 2 H]`."""
        if self.packed:
            return torch.cat(tuple(self.lstm(pack_padded_sequence(x, lengths))[1][0]), dim=1)
        outputs, half = self.lstm(x)[0], self.lstm.hidden_size
        return torch.cat((outputs[lengths - 1, torch.arange(len(lengths)), :half], outputs[0, :, half:]), dim=1)


class Classifier(nn.Module):
    def __init__(self, chosen, words, embedding_size, dropout):
        super().__init__()
        self.embedding = nn.Embedding(words, embedding_size)
        self.layer = Layer(embedding_size, chosen.hidden_size, chosen.way)
        self.output = nn.Linear(2 * chosen.hidden_size, 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch):
        x = self.dropout(self.embedding(batch["ids"]))
        outputs = self.layer(x, batch["lengths"], padding=-torch.inf)
        if not self.layer.packed:
            outputs = outputs.masked_fill(batch["padding"], -torch.inf)
        return self.output(self.dropout(outputs.amax(dim=0)))


class Tagger(nn.Module):
    def __init__(self, chosen, words, embedding_size, dropout, char_embedding_size, char_hidden_size, word_dropout):
        super().__init__()
        self.dropout, self.word_dropout = dropout, word_dropout
        self.characters = nn.Embedding(27, char_embedding_size)
        self.spelling = Layer(char_embedding_size, char_hidden_size, chosen.way)
        self.embedding = nn.Embedding(words, embedding_size)
        self.layer = Layer(embedding_size + 2 * char_hidden_size, chosen.hidden_size, chosen.way)
        self.output = nn.Linear(2 * chosen.hidden_size, TAGS)

    def forward(self, batch):
        ids = batch["ids"]
        ids = ids.masked_fill(torch.rand(ids.shape) < self.word_dropout, 0)
        spelled = self.spelling.last(self.characters(batch["letters"]), batch["letters_of"])
        x = self.locked(torch.cat((self.embedding(ids), spelled[batch["places"]]), dim=2))
        return self.output(self.locked(self.layer(x, batch["lengths"]))).flatten(0, 1)

    def locked(self, x):
        """Dropout with the same mask at all time steps."""
        return x * nn.functional.dropout(x.new_ones(x.shape[1:]), self.dropout)


def tensors(task, vocabulary, batch):
    """Ids `[T, B]`, and the other inputs of the task's model. Id 0 is the unknown token."""
    lengths = torch.tensor([len(sentence) for sentence in batch])
    ids = pad_sequence([torch.tensor([vocabulary[spelled(word)] for word in sentence]) for sentence in batch])
    padding = torch.arange(len(ids))[:, None, None] >= lengths[None, :, None]
    common = {"ids": ids, "lengths": lengths, "padding": padding}
    if task == "classify":
        return {**common, "targets": torch.tensor([class_of(sentence) for sentence in batch])}
    # Each distinct word once, the longest first.
    words = sorted({spelled(word) for sentence in batch for word in sentence}, key=len, reverse=True)
    place = {word: at for at, word in enumerate(words)}
    tags = [torch.tensor([tag_of(word) for word in sentence]) for sentence in batch]
    return {
        **common,
        "letters": pad_sequence([torch.tensor([ord(letter) - ord("a") + 1 for letter in word]) for word in words]),
        "letters_of": torch.tensor([len(word) for word in words]),
        "places": pad_sequence([torch.tensor([place[spelled(word)] for word in sentence]) for sentence in batch]),
        "targets": pad_sequence(tags, padding_value=IGNORED).flatten(),
    }


def train(model, optimizer, batches):
    """The mean loss of an epoch."""
    total = torch.zeros(())
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(batch), batch["targets"], ignore_index=IGNORED)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        total += loss.detach()
    return total.item() / len(batches)


def main():
    chosen = options(__doc__, ways=["packed", "padded"])
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    made = sentences(BATCHES * chosen.batch_size)
    vocabulary = {word: 1 + i for i, word in enumerate(sorted({spelled(word) for words in made for word in words}))}
    network = {"classify": Classifier, "tag": Tagger}[chosen.task]
    model = network(chosen, 1 + len(vocabulary), **TASKS[chosen.task])
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    biases = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, fused=True)
    losses, seconds = [], []
    for number in range(1 + chosen.repeat):
        batches = [tensors(chosen.task, vocabulary, batch) for batch in epoch(made, chosen.batch_size, number)]
        start = time.perf_counter()
        losses.append(train(model, optimizer, batches))
        seconds.append(time.perf_counter() - start)
    counted = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()), "updates": len(batches),
        "sentences": sum(len(batch["lengths"]) for batch in batches),
        "words": sum(int(batch["lengths"].sum()) for batch in batches),
        "steps": sum(batch["ids"].numel() for batch in batches),
    }
    report(f"PyTorch {torch.__version__}", counted, losses, seconds)


main()
