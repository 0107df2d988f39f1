"""Makes models of Hugging Face's library and says what they compute, or reads what we wrote. See python.test.ts.

    compare.py '[{"folder": "...", "architecture": "BertModel", "config": {...}, "steps": 20}]'

Without a config, what is in the folder is read.
"""

import json
import sys

import torch
import transformers as hf
from safetensors.torch import save_file

hf.logging.disable_progress_bar()
torch.set_num_threads(1)


def call(config):
    """Three texts, two of them padded, and what they are to be labelled."""
    draws = torch.Generator().manual_seed(3)
    mask = (torch.arange(24) < torch.tensor([24, 11, 5]).unsqueeze(1)).long()
    ids = torch.where(mask.bool(), torch.randint(3, config.vocab_size, mask.shape, generator=draws), config.pad_token_id)
    return {"input_ids": ids, "attention_mask": mask}


def outputs(model, inputs):
    found = {}
    for name, given in [("padded", inputs), ("unpadded", {"input_ids": inputs["input_ids"][:1].contiguous()})]:
        with torch.no_grad():
            result = model(**given, output_hidden_states=True)
        for index, state in enumerate(result.hidden_states):
            found[f"{name}.state.{index}"] = state
        found[f"{name}.first"] = result["logits"] if "logits" in result else result.last_hidden_state
        if "pooler_output" in result:
            found[f"{name}.pooled"] = result.pooler_output
    return found


def labels(logits):
    """Something to be learned: a number of each row of logits."""
    return torch.arange(logits.numel() // logits.shape[-1]) % logits.shape[-1]


def tuned(model, inputs, steps):
    """The gradients of the first step of fine-tuning, and the losses of all."""
    told = {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        result = model(**inputs)
        logits = result["logits"] if "logits" in result else result.get("pooler_output", result.last_hidden_state)
        told["labels"] = labels(logits)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), told["labels"])
        loss.backward()
        if step == 0:
            told |= {f"grad.{name}": each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
        optimizer.step()
        losses.append(loss.detach())
    return {**told, "losses": torch.stack(losses)}


for job in json.loads(sys.argv[1]):
    cls = getattr(hf, job["architecture"])
    if "config" in job:
        torch.manual_seed(29)
        model = cls(cls.config_class.from_dict(job["config"]))
        model.save_pretrained(job["folder"])
    else:
        model, info = cls.from_pretrained(job["folder"], output_loading_info=True)
        assert not any(info.values()), info
    model.eval()
    inputs = call(model.config)
    told = {**inputs, **outputs(model, inputs), **(tuned(model, inputs, job["steps"]) if "steps" in job else {})}
    save_file({key: value.contiguous().clone() for key, value in told.items()}, f"{job['folder']}/told.safetensors")
