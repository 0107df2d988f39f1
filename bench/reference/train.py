"""`train.py STEPS THREADS`: a whole process that trains, and prints its loss and the most memory it had."""

import sys

import torch

from mlp import mlp
from peak import peak_bytes

torch.set_num_threads(int(sys.argv[2]))
loss = mlp()(int(sys.argv[1]))
print('{"loss": %.17g, "peakBytes": %d}' % (loss, peak_bytes()))
