"""`measure.py WHAT NAME STEPS THREADS`: a whole process that trains what NAME says, and prints what was asked for.

`losses`: of every step; `peak`: the last loss, and the most memory it had.
"""

import json
import sys

import torch

from learners import Learning
from peak import peak_bytes

what, name, steps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
training = Learning(name)
training.prepare(steps)
if what == "losses":
    print(json.dumps({"losses": training.losses(steps)}))
else:
    loss = training(steps)
    print(json.dumps({"loss": loss, "peakBytes": peak_bytes()}))
