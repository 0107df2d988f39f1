"""The model that both sides train; ours/mlp.mjs says the same in JavaScript."""

import torch


def mlp():
    """An MLP 64-128-1 with fused AdamW on one batch of 16, from a fixed seed.

    Gives a function that trains some steps more and returns the loss of the last.
    """
    torch.manual_seed(7)
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 1))
    loss_of = torch.nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    x = torch.randn(16, 64)
    y = torch.randn(16, 1)

    def train(steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
        return loss.item()

    return train
