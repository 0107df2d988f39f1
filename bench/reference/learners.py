"""The training of ours/learners.ts in Python: the same models on the same data, eagerly, with fused AdamW."""

import math

import torch

from models import AttentiveTagger, CrossEncoder, DroppingMlp, DualEncoder, Knrm, LstmTagger, Mlp
from texts import Texts, pair_tensors


def words(rows, length, bound):
    return torch.randint(0, bound, (rows, length))


def numbers():
    return [torch.randn(256, 64), torch.randn(256, 1)]


def sentences():
    return [words(256, 32, 1000), words(256, 1, 10)]


SETTINGS = {
    "mlp": (Mlp, numbers),
    "mlp-dropout": (DroppingMlp, numbers),
    "knrm": (lambda: Knrm(5000, 64), lambda: [words(256, 10, 5000), words(256, 50, 5000), words(256, 50, 5000)]),
    "knrm-small": (lambda: Knrm(500, 32), lambda: [words(256, 4, 500), words(256, 16, 500), words(256, 16, 500)]),
    "lstm": (LstmTagger, sentences),
    "lstm-attention": (AttentiveTagger, sentences),
    "cross-encoder": (CrossEncoder, lambda: [words(64, 128, 30522), torch.rand(64, 1).round()]),
    "dual-encoder": (DualEncoder, lambda: [words(64, 16, 30522), words(64, 64, 30522)]),
}

BATCH_SIZE = 16
SEED_OF_STEPS = 11


def made(name):
    """The model and the tensors of all rows, from a fixed seed."""
    model, data = SETTINGS[name]
    torch.manual_seed(7)
    return model(), data()


class Learning:
    """A loop over batches that are there already; gives the loss of the last step.

    Calls `mark` once `settled` steps are done.
    """

    def __init__(self, name):
        self.name = name

    def prepare(self, steps):
        self.model, data = made(self.name)
        self.batches = list(zip(*[tensor.split(BATCH_SIZE) for tensor in data]))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        torch.manual_seed(SEED_OF_STEPS)

    def __call__(self, steps, settled=0, mark=None):
        model, optimizer, batches = self.model, self.optimizer, self.batches
        for i in range(steps):
            optimizer.zero_grad()
            loss = model.loss_of(*batches[i % len(batches)])
            loss.backward()
            optimizer.step()
            if i + 1 == settled:
                mark()
        return loss.item()

    def losses(self, steps):
        """Of every step."""
        found = []
        for i in range(steps):
            self.optimizer.zero_grad()
            loss = self.model.loss_of(*self.batches[i % len(self.batches)])
            loss.backward()
            self.optimizer.step()
            found.append(loss.item())
        return found


class Loading(Learning):
    """The same from rows that a DataLoader puts together, as ours are."""

    def prepare(self, steps):
        super().prepare(steps)
        _, data = made(self.name)
        dataset = torch.utils.data.TensorDataset(*data)
        self.loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=False)

    def __call__(self, steps, settled=0, mark=None):
        model, optimizer = self.model, self.optimizer
        done = 0
        while done < steps:
            for batch in self.loader:
                optimizer.zero_grad()
                loss = model.loss_of(*batch)
                loss.backward()
                optimizer.step()
                done += 1
                if done == settled:
                    mark()
                if done == steps:
                    break
        return loss.item()


class LoadingTexts(Loading):
    """A cross-encoder on texts that a DataLoader's collate_fn cuts into words in every batch, as ours are."""

    def __init__(self, workers):
        super().__init__("cross-encoder")
        self.workers = workers

    def prepare(self, steps):
        torch.manual_seed(7)
        self.model = CrossEncoder()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.loader = torch.utils.data.DataLoader(
            Texts(),
            batch_size=BATCH_SIZE,
            shuffle=False,
            collate_fn=pair_tensors,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
        )


class WithLightning(Learning):
    """The same with Lightning's Trainer, without logs, bars and checkpoints."""

    def prepare(self, steps):
        import logging
        import warnings

        import lightning

        warnings.filterwarnings("ignore")
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        model, data = made(self.name)

        class Training(lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.model = model
                self.last = math.nan

            def training_step(self, batch):
                loss = self.model.loss_of(*batch)
                self.last = loss.detach()
                return loss

            def configure_optimizers(self):
                return torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)

        self.module = Training()
        dataset = torch.utils.data.TensorDataset(*data)
        self.loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=False)
        self.trainer = lightning.Trainer(
            max_steps=steps,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    def __call__(self, steps):
        self.trainer.fit(self.module, self.loader)
        return self.module.last.item()
