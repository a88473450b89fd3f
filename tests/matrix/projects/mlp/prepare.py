"""Writes the digits as an .npz, trains on them and saves the weights as .pt."""

from pathlib import Path

import numpy as np
import torch
from mlp_net import build
from sklearn.datasets import load_digits
from torch import nn


def main(folder: Path) -> None:
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target
    np.savez(folder / "digits.npz", x=x, y=y)
    torch.manual_seed(0)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), 0.003)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(10):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    torch.save(model.state_dict(), folder / "weights.pt")
