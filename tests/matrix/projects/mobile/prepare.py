"""Draws a folder of images, trains on it and saves the weights as safetensors."""

from pathlib import Path

import numpy as np
import torch
from mobile_net import build
from PIL import Image
from safetensors.torch import save_file
from torch import nn

CLASSES = ("horizontal", "round", "vertical")


def draw(kind: str, random: np.random.Generator) -> np.ndarray:
    """One picture, uint8 [20, 20, 3]."""
    row, column = np.mgrid[:20, :20]
    phase, width = random.uniform(0, 6), random.uniform(0.6, 1.0)
    wave = {
        "horizontal": row,
        "vertical": column,
        "round": np.hypot(row - random.uniform(8, 12), column - random.uniform(8, 12)),
    }
    brightness = 120 + 70 * np.sin(wave[kind] * width + phase) + random.normal(0, 15, (20, 20))
    tint = random.uniform(0.6, 1.0, 3)
    return np.clip(brightness[..., None] * tint, 0, 255).astype(np.uint8)


def main(folder: Path) -> None:
    random = np.random.default_rng(0)
    images, labels = [], []
    for label, kind in enumerate(CLASSES):
        (folder / "pictures" / kind).mkdir(parents=True)
        for number in range(100):
            picture = draw(kind, random)
            Image.fromarray(picture).save(folder / "pictures" / kind / f"{number:03}.png")
            images.append(np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BILINEAR)))
            labels.append(label)
    torch.manual_seed(0)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div(255).sub(0.4).div(0.25)
    y = torch.tensor(labels)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    for _ in range(6):
        for rows in torch.randperm(len(x)).split(30):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    save_file(model.state_dict(), folder / "weights.safetensors")
