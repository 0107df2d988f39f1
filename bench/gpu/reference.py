"""`reference.py NAME STEPS DEVICE PRECISION`: the training of ours.ts in Python, eagerly, from pinned batches."""

import json
import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
from learners import BATCH_SIZE, SEED_OF_STEPS, made  # noqa: E402


def main(name, steps, device, precision):
    warm = min(30, steps // 3)
    model, data = made(name)
    batches = list(zip(*[tensor.split(BATCH_SIZE) for tensor in data]))
    if device == "cuda":
        batches = [[tensor.pin_memory() for tensor in batch] for batch in batches]
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    torch.manual_seed(SEED_OF_STEPS)
    losses = []
    started = 0
    for i in range(steps):
        optimizer.zero_grad()
        batch = [tensor.to(device, non_blocking=True) for tensor in batches[i % len(batches)]]
        with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = model.loss_of(*batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if i + 1 == warm:
            started = time.perf_counter()
    ended = time.perf_counter()
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    milliseconds = 1000 * (ended - started) / (steps - warm)
    print(json.dumps({"losses": losses, "milliseconds": milliseconds, "peak": peak}))


main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
