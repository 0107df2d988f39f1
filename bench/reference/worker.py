"""`worker.py THREADS`: Python's side of the loops; answers one line of JSON for each on standard input."""

import json
import platform
import sys
import time

import torch

from learners import Learning, Loading, WithLightning
from mlp import mlp


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
    "cross-encoder-loading": lambda: Loading("cross-encoder"),
    "dual-encoder": lambda: Learning("dual-encoder"),
}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"torch": torch.__version__, "runtime": "Python " + platform.python_version()}), flush=True)
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        name, iterations = request["case"], request["iterations"]
        if name not in made:
            made[name] = LOOPS[name]()
        loop = made[name]
        if hasattr(loop, "prepare"):
            loop.prepare(iterations)
        started = time.perf_counter_ns()
        check = loop(iterations)
        nanoseconds = (time.perf_counter_ns() - started) / iterations
        print(json.dumps({"nanoseconds": nanoseconds, "check": check}), flush=True)


main()
