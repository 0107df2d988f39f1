"""`worker.py THREADS`: Python's side of the loops; answers one line of JSON for each on standard input."""

import importlib.metadata
import json
import platform
import sys
import time

import torch

from inference import Inference
from learners import Learning, Loading, LoadingTexts, WithLightning
from mlp import mlp
from ranking import Ranking
from texts import generated, loaded, reading


def matrix():
    return torch.arange(16, dtype=torch.float32).reshape(4, 4).div(16)


def add():
    a, b = matrix(), matrix()

    def run(iterations):
        for _ in range(iterations):
            result = a.add(b)
        return result.sum().item()

    return run


def mm():
    a, b = matrix(), matrix()

    def run(iterations):
        for _ in range(iterations):
            result = a.mm(b)
        return result.sum().item()

    return run


def add_():
    a, b = matrix(), matrix()

    def run(iterations):
        for _ in range(iterations):
            a.add_(b)
        return a.sum().item()

    return run


def create():
    def run(iterations):
        for _ in range(iterations):
            result = torch.zeros(4, 4)
        return result.sum().item()

    return run


def foreach():
    parameters = [matrix() for _ in range(100)]
    gradients = [matrix() for _ in range(100)]

    def run(iterations):
        for _ in range(iterations):
            torch._foreach_add_(parameters, gradients, alpha=-0.01)
        return parameters[99].sum().item()

    return run


LOOPS = {
    "add-4x4": add,
    "mm-4x4": mm,
    "add_-4x4": add_,
    "create-dispose": create,
    "foreach-100": foreach,
    "mlp-step": mlp,
    "mlp": lambda: Learning("mlp"),
    "mlp-loading": lambda: Loading("mlp"),
    "mlp-lightning": lambda: WithLightning("mlp"),
    "knrm": lambda: Learning("knrm"),
    "knrm-small": lambda: Learning("knrm-small"),
    "lstm": lambda: Learning("lstm"),
    "cross-encoder": lambda: Learning("cross-encoder"),
    "cross-encoder-texts": lambda: LoadingTexts(0),
    "cross-encoder-texts-1": lambda: LoadingTexts(1),
    "cross-encoder-texts-2": lambda: LoadingTexts(2),
    "dual-encoder": lambda: Learning("dual-encoder"),
    "pairwise-tsv": lambda: Ranking(0),
    "pairwise-tsv-1": lambda: Ranking(1),
    "pairwise-tsv-2": lambda: Ranking(2),
    "infer-1": lambda: Inference(1),
    "infer-32": lambda: Inference(32),
    "infer-1-onednn": lambda: Inference(1),
    "infer-32-onednn": lambda: Inference(32),
    "jsonl": lambda: reading(generated),
    "jsonl-dataloader": lambda: reading(loaded),
}


def release_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def now():
    """Nanoseconds on the clock, and those that this process computed."""
    return time.perf_counter_ns(), time.process_time_ns()


def main():
    torch.set_num_threads(int(sys.argv[1]))
    runtime = "Python %s, lightning %s" % (platform.python_version(), release_of("lightning"))
    print(json.dumps({"torch": torch.__version__, "runtime": runtime}), flush=True)
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        name, iterations, settled = request["case"], request["iterations"], request["settled"]
        if name not in made:
            made[name] = LOOPS[name]()
        loop = made[name]
        if hasattr(loop, "prepare"):
            loop.prepare(settled + iterations)
        starts = [now()]
        if settled == 0:
            check = loop(iterations)
        else:
            check = loop(settled + iterations, settled, lambda: starts.append(now()))
            assert len(starts) == 2, name + " did not tell that it settled"
        nanoseconds, cpu = [(after - before) / iterations for before, after in zip(starts[-1], now())]
        print(json.dumps({"nanoseconds": nanoseconds, "cpu": cpu, "check": check}), flush=True)


main()
