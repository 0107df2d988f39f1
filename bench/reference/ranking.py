"""Training of a dual scorer on triples of a TSV file, as ours/ranking.ts has it."""

import os
from zlib import crc32

import numpy
import torch
from torch import nn

from texts import path

ROWS = 8192
BATCH_SIZE = 32


class Triples(torch.utils.data.Dataset):
    """All lines."""

    def __init__(self):
        with open(os.path.join(os.path.dirname(path()), "triples.tsv"), encoding="utf-8") as file:
            self.lines = file.read().splitlines()

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        return self.lines[index].split("\t")


def words_of(texts, width):
    everything = numpy.zeros((len(texts), width), dtype=numpy.int64)
    for i, text in enumerate(texts):
        words = [crc32(word.encode()) % (ROWS - 1) + 1 for word in text.lower().split(" ")][:width]
        everything[i, : len(words)] = words
    return torch.from_numpy(everything)


def collate(triples):
    queries, positives, negatives = zip(*triples)
    return words_of(queries, 16), words_of(positives + negatives, 144)


class HashedWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(ROWS, 64, mode="mean", padding_idx=0)
        self.layer = nn.Linear(64, 64)

    def encode(self, words):
        return torch.tanh(self.layer(self.words(words)))

    def forward(self, queries, documents):
        q, d = self.encode(queries), self.encode(documents)
        return (q.repeat(2, 1) * d).sum(-1)


class Ranking:
    def __init__(self, workers):
        self.workers = workers

    def prepare(self, steps):
        torch.manual_seed(7)
        self.model = HashedWords()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.loader = torch.utils.data.DataLoader(
            Triples(),
            batch_size=BATCH_SIZE,
            shuffle=False,
            collate_fn=collate,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
        )

    def __call__(self, steps):
        model, optimizer = self.model, self.optimizer
        first = torch.zeros(BATCH_SIZE, dtype=torch.long)
        done = 0
        while done < steps:
            for batch in self.loader:
                optimizer.zero_grad()
                scores = model(*batch).view(2, -1).t()
                loss = nn.functional.cross_entropy(scores, first[: len(scores)])
                loss.backward()
                optimizer.step()
                # As ours tells of every step.
                last = loss.item()
                accuracy = (scores[:, 0] > scores[:, 1]).float().mean().item()
                done += 1
                if done == steps:
                    break
        return last
