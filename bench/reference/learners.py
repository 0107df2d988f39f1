"""The training of ours/learners.ts in Python: the same models on the same data, eagerly, with fused AdamW."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 1))

    def loss_of(self, x, y):
        return F.mse_loss(self.layers(x), y)


class Knrm(nn.Module):
    """Kernel pooling (Xiong et al., 2017): 11 kernels over the cosines of query and document words."""

    def __init__(self, vocabulary, dim):
        super().__init__()
        self.words = nn.Embedding(vocabulary, dim)
        self.last = nn.Linear(11, 1)
        means = [1] + [(9 - 2 * i) / 10 for i in range(10)]
        self.register_buffer("mu", torch.tensor(means, dtype=torch.float32))
        self.register_buffer("sigma", torch.tensor([1e-3] + [0.1] * 10))

    def forward(self, query, document):
        q = F.normalize(self.words(query), dim=2)
        d = F.normalize(self.words(document), dim=2)
        cosines = q.bmm(d.transpose(1, 2)).unsqueeze(3)
        pooled = cosines.sub(self.mu).square().div(self.sigma.square().mul(-2)).exp().sum(2)
        return self.last(pooled.clamp(1e-10).log().mul(0.01).sum(1)).squeeze(1)

    def loss_of(self, query, positive, negative):
        return self(query, positive).sub(self(query, negative)).neg().add(1).relu().mean()


class LstmTagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(1000, 64)
        self.lstm = nn.LSTM(64, 64, batch_first=True)
        self.last = nn.Linear(64, 10)

    def loss_of(self, words, label):
        states, _ = self.lstm(self.words(words))
        return F.cross_entropy(self.last(states.select(1, -1)), label.squeeze(1))


class Layer(nn.Module):
    """A layer of BERT: attention and a feed-forward network, each with a residual and a normalisation after it."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.norm1 = nn.LayerNorm([dim])
        self.up = nn.Linear(dim, 4 * dim)
        self.down = nn.Linear(4 * dim, dim)
        self.norm2 = nn.LayerNorm([dim])

    def forward(self, x):
        batch, length, dim = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, dim)
        middle = self.norm1(x.add(self.out(mixed)))
        return self.norm2(middle.add(self.down(F.gelu(self.up(middle)))))


class Encoder(nn.Module):
    """BERT-mini: 4 layers of 256 with 4 heads."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30522, 256)
        self.places = nn.Embedding(512, 256)
        self.norm = nn.LayerNorm([256])
        self.layers = nn.ModuleList([Layer(256, 4) for _ in range(4)])

    def forward(self, words):
        x = self.norm(self.words(words).add(self.places(torch.arange(words.shape[1]))))
        for layer in self.layers:
            x = layer(x)
        return x


class CrossEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(256, 1)

    def loss_of(self, words, label):
        scores = self.head(self.encoder(words).select(1, 0)).squeeze(1)
        return F.binary_cross_entropy_with_logits(scores, label.squeeze(1))


class DualEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()

    def forward(self, words):
        return F.normalize(self.encoder(words).mean(1), dim=1)

    def loss_of(self, queries, documents):
        scores = self(queries).mm(self(documents).t()).mul(20)
        return F.cross_entropy(scores, torch.arange(scores.shape[0]))


def words(rows, length, bound):
    return torch.randint(0, bound, (rows, length))


SETTINGS = {
    "mlp": (Mlp, lambda: [torch.randn(256, 64), torch.randn(256, 1)]),
    "knrm": (lambda: Knrm(5000, 64), lambda: [words(256, 10, 5000), words(256, 50, 5000), words(256, 50, 5000)]),
    "knrm-small": (lambda: Knrm(500, 32), lambda: [words(256, 4, 500), words(256, 16, 500), words(256, 16, 500)]),
    "lstm": (LstmTagger, lambda: [words(256, 32, 1000), words(256, 1, 10)]),
    "cross-encoder": (CrossEncoder, lambda: [words(64, 128, 30522), torch.rand(64, 1).round()]),
    "dual-encoder": (DualEncoder, lambda: [words(64, 16, 30522), words(64, 64, 30522)]),
}

BATCH_SIZE = 16


def made(name):
    """The model and the tensors of all rows, from a fixed seed."""
    model, data = SETTINGS[name]
    torch.manual_seed(7)
    return model(), data()


class Learning:
    """A loop over batches that are there already; gives the loss of the last step."""

    def __init__(self, name):
        self.name = name

    def prepare(self, steps):
        self.model, data = made(self.name)
        self.batches = list(zip(*[tensor.split(BATCH_SIZE) for tensor in data]))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)

    def __call__(self, steps):
        model, optimizer, batches = self.model, self.optimizer, self.batches
        for i in range(steps):
            optimizer.zero_grad()
            loss = model.loss_of(*batches[i % len(batches)])
            loss.backward()
            optimizer.step()
        return loss.item()


class Loading(Learning):
    """The same from rows that a DataLoader puts together, as ours are."""

    def prepare(self, steps):
        super().prepare(steps)
        _, data = made(self.name)
        dataset = torch.utils.data.TensorDataset(*data)
        self.loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=False)

    def __call__(self, steps):
        model, optimizer = self.model, self.optimizer
        done = 0
        while done < steps:
            for batch in self.loader:
                optimizer.zero_grad()
                loss = model.loss_of(*batch)
                loss.backward()
                optimizer.step()
                done += 1
                if done == steps:
                    break
        return loss.item()


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
