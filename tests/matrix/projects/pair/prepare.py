"""Trains the network and saves its weights."""

from pathlib import Path

import torch
from pair_net import build, draw
from torch import nn


def main(folder: Path) -> None:
    torch.manual_seed(0)
    inputs, target = draw(600, 0)
    image, readings, wanted = (torch.from_numpy(a) for a in (inputs["image"], inputs["readings"], target))
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(15):
        for rows in torch.randperm(len(wanted)).split(50):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(image[rows], readings[rows]), wanted[rows]).backward()
            optimizer.step()
    torch.save(model.state_dict(), folder / "weights.pt")
