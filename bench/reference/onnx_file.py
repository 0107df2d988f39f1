"""`onnx_file.py FOLDER TEXTS...`: the model of inference.py as FOLDER/model.onnx, and its hidden states over so many texts.

By the exporter that starts from TorchScript: what the other one makes took half as long again.
"""

import sys

import torch

from inference import Inference


class States(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(ids).last_hidden_state


folder = sys.argv[1]
example = Inference(2)
names = {"input_names": ["input_ids"], "output_names": ["last_hidden_state"]}
axes = {"input_ids": {0: "texts", 1: "words"}}
model = States(example.model)
torch.onnx.export(model, (example.ids,), f"{folder}/model.onnx", dynamo=False, dynamic_axes=axes, **names)
for texts in map(int, sys.argv[2:]):
    Inference(texts).states().numpy().tofile(f"{folder}/states-{texts}")
