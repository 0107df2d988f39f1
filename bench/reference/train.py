"""`train.py STEPS THREADS`: a whole process that trains, and prints its loss and the most memory it had."""

import sys

import torch

from mlp import mlp


def peak_bytes():
    # Linux counts what getrusage tells from before the program was even started; its own file does not.
    if sys.platform != "linux":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024


torch.set_num_threads(int(sys.argv[2]))
loss = mlp()(int(sys.argv[1]))
print('{"loss": %.17g, "peakBytes": %d}' % (loss, peak_bytes()))
