"""Trains a network with two outputs, and saves it as a torch.export program: no source needed afterwards."""

from pathlib import Path

import torch
from torch import nn
from twin_data import draw


class Twin(nn.Module):
    """A map of where, and scores of the corners."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.where = nn.Conv2d(8, 2, 1)
        self.narrow = nn.MaxPool2d(4)
        self.corner = nn.Linear(32, 4)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(image)
        x = x + self.body(x)
        return self.corner(torch.flatten(self.narrow(x), 1)), self.where(x)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    images, labels = draw(400, 0)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    truth = torch.zeros(len(y), 2, 8, 8)
    for corner in range(4):
        top, left = 4 * (corner // 2), 4 * (corner % 2)
        truth[y == corner, 0, top : top + 4, left : left + 4] = 1
    model = Twin()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(6):
        for rows in torch.randperm(len(y)).split(50):
            optimizer.zero_grad()
            scores, where = model(x[rows])
            loss = nn.functional.cross_entropy(scores, y[rows]) + nn.functional.mse_loss(where, truth[rows])
            loss.backward()
            optimizer.step()
    program = torch.export.export(model.eval(), (x[:1],))
    torch.export.save(program, folder / "twin.pt2")
