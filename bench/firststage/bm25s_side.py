"""`python bm25s_side.py CORPUS QUERIES DIRECTORY`: bm25s with PyStemmer and its English stop words, built or loaded."""

import json
import os
import pathlib
import resource
import sys
import time

import bm25s
import Stemmer

corpus, queries, directory = sys.argv[1:]
stemmer = Stemmer.Stemmer("porter")


def tokens(texts):
    return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)


def resident():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if not os.path.exists(directory):
    begun = time.perf_counter()
    with open(corpus) as file:
        texts = file.read().splitlines()
    model = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    model.index(tokens(texts), show_progress=False)
    model.save(directory, show_progress=False)
    seconds = time.perf_counter() - begun
    size = sum(each.stat().st_size for each in pathlib.Path(directory).iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"documentsPerSecond": len(texts) / seconds, "diskMiB": size / 2**20, "buildPeakMiB": peak}))
else:
    begun = time.perf_counter()
    model = bm25s.BM25.load(directory)
    load = time.perf_counter() - begun
    times = []
    for query in open(queries).read().split("\n"):
        begun = time.perf_counter()
        model.retrieve(tokens([query]), k=10, show_progress=False)
        times.append(1000 * (time.perf_counter() - begun))
    times.sort()
    at = lambda share: times[int(share * len(times))]
    print(json.dumps({"loadMs": 1000 * load, "p50": at(0.5), "p99": at(0.99), "residentMiB": resident()}))
