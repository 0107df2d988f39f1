"""The models of ours/models.ts in Python."""

import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 1))

    def loss_of(self, x, y):
        return F.mse_loss(self.layers(x), y)


class DroppingMlp(nn.Module):
    """The same with a dropout between its layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 1))

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


class AttentiveTagger(nn.Module):
    """An LSTM, a layer of attention over its states with a dropout behind, and the mean."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(1000, 32)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.layer = Layer(32, 4)
        self.dropout = nn.Dropout(0.1)
        self.last = nn.Linear(32, 10)

    def loss_of(self, words, label):
        states, _ = self.lstm(self.words(words))
        pooled = self.dropout(self.layer(states)).mean(1)
        return F.cross_entropy(self.last(pooled), label.squeeze(1))


class Encoder(nn.Module):
    """BERT-mini: 4 layers of 256 with 4 heads."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30522, 256)
        self.places = nn.Embedding(512, 256)
        self.norm = nn.LayerNorm([256])
        self.layers = nn.ModuleList([Layer(256, 4) for _ in range(4)])

    def forward(self, words):
        x = self.norm(self.words(words).add(self.places(torch.arange(words.shape[1], device=words.device))))
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
