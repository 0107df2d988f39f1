"""From lines of JSON to tensors of word numbers, as ours/texts.ts has it."""

import json
import os
from zlib import crc32

import numpy
import torch

VOCABULARY = 30522
BATCH_SIZE = 32
LONGEST = 128
MULTIPLE = 32


def path():
    return os.environ["XPMIR_BENCH_TEXTS"]


class Texts(torch.utils.data.Dataset):
    """All lines."""

    def __init__(self):
        with open(path(), encoding="utf-8") as file:
            self.texts = [json.loads(line) for line in file]

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        return self.texts[index]


def words_of(text):
    return [crc32(word.encode()) % (VOCABULARY - 1) + 1 for word in text.lower().split(" ")]


def padded(lists, multiple=1):
    """By way of NumPy: torch.tensor of lists and pad_sequence take twice as long."""
    longest = max(map(len, lists))
    everything = numpy.zeros((len(lists), -(-longest // multiple) * multiple), dtype=numpy.int64)
    for i, each in enumerate(lists):
        everything[i, : len(each)] = each
    return torch.from_numpy(everything)


def text_tensors(texts):
    queries = padded([words_of(text["query"]) for text in texts])
    return queries, padded([words_of(text["document"]) for text in texts])


def pair_tensors(texts):
    pairs = [(words_of(text["query"]) + words_of(text["document"]))[:LONGEST] for text in texts]
    labels = torch.tensor([[text["label"]] for text in texts], dtype=torch.float32)
    return padded(pairs, MULTIPLE), labels


def mixed(check, words):
    return (check * 31 + words.sum().item() + 1_000_003 * words.shape[1]) % 2**40


class Lines(torch.utils.data.IterableDataset):
    """One pass over the file, read as it goes."""

    def __iter__(self):
        with open(path(), encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


def generated():
    """Batches by a generator, which is faster than a DataLoader."""
    rows = []
    with open(path(), encoding="utf-8") as file:
        for line in file:
            rows.append(json.loads(line))
            if len(rows) == BATCH_SIZE:
                yield text_tensors(rows)
                rows = []
    if rows:
        yield text_tensors(rows)


def loaded():
    return torch.utils.data.DataLoader(Lines(), batch_size=BATCH_SIZE, collate_fn=text_tensors)


def reading(passed):
    """Batches of the file, pass after pass, of what `passed` gives."""

    def run(iterations):
        check = 0
        left = iterations
        while left > 0:
            for batch in passed():
                for words in batch:
                    check = mixed(check, words)
                left -= 1
                if left == 0:
                    break
        return check

    return run
