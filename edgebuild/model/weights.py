"""Weights on disk: reading a user's state dict without running what is in it, and fitting it to a model."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch

SUFFIXES = (".pt", ".pth", ".safetensors")
_SHOWN = 5


def read_weights(path: Path, shown: str | None = None) -> dict[str, torch.Tensor]:
    """Read a state dict from `.safetensors`, or from `.pt`/`.pth` with `weights_only=True`.

    A checkpoint that holds the state dict under `state_dict` or `model` is unwrapped. `shown` names the file in errors.

    Raises:
        ConfigError: no such file, another suffix, a pickle that needs code to load, or no state dict in it.
    """
    name = shown or path.name
    if not path.is_file():
        msg = f"model.weights: found no file {name!r}"
        raise ConfigError(msg, remedy="a relative path starts at the folder of edgebuild.yaml")
    if path.suffix == ".safetensors":
        return _read_safetensors(path, name)
    if path.suffix in SUFFIXES:
        return _read_torch(path, name)
    msg = f"model.weights: {name!r} ends in {path.suffix!r}, expected {', '.join(SUFFIXES)}"
    raise ConfigError(msg, remedy="a torch.export program (.pt2) goes under model.program")


def write_weights(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a state dict as `.safetensors`: sorted by name, tied tensors each on their own."""
    from safetensors.torch import save_file

    save_file({key: state[key].detach().cpu().clone().contiguous() for key in sorted(state)}, path)


def fit_weights(model: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str) -> None:
    """Load `state` into `model`, every key exactly.

    Raises:
        ConfigError: keys are missing, unexpected or of another shape: the first five of each, found against expected.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key}: found {tuple(state[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    parts = [
        _listing(f"{len(missing)} of {len(own)} tensors missing", missing),
        _listing(f"{len(unexpected)} unexpected", unexpected),
        _listing(f"{len(shapes)} of another shape", shapes),
    ]
    if missing or unexpected or shapes:
        msg = f"model.weights: {name!r} does not fit the model:" + "".join(f"\n    {part}" for part in parts if part)
        raise ConfigError(msg, remedy="check model.kwargs, or save model.state_dict() of this very factory again")
    model.load_state_dict(dict(state))


def _listing(title: str, items: Iterable[str]) -> str:
    entries = list(items)
    if not entries:
        return ""
    more = f", and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return f"{title}: {', '.join(entries[:_SHOWN])}{more}"


def _read_safetensors(path: Path, name: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, torch.Tensor] = load_file(path)
    except SafetensorError as error:
        msg = f"model.weights: {name!r} is no whole safetensors file: {error}"
        remedy = "copy the file again, or save it again with safetensors.torch.save_file"
        raise ConfigError(msg, remedy=remedy) from error
    return state


def _read_torch(path: Path, name: str) -> dict[str, torch.Tensor]:
    import torch

    try:
        raw: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        msg = (
            f"model.weights: {name!r} holds Python objects that only running its code could load, expected a state dict"
        )
        raise ConfigError(msg, remedy="save it again with torch.save(model.state_dict(), path)") from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        first = str(error).strip().partition("\n")[0]
        msg = f"model.weights: {name!r} cannot be read: {first}"
        raise ConfigError(msg, remedy="save it again with torch.save(model.state_dict(), path)") from error
    for key in ("state_dict", "model"):
        if isinstance(raw, Mapping) and isinstance(raw.get(key), Mapping):
            raw = raw[key]
    if not isinstance(raw, Mapping) or not raw or not all(isinstance(value, torch.Tensor) for value in raw.values()):
        msg = f"model.weights: {name!r} holds a {type(raw).__name__}, expected a state dict (name -> tensor)"
        raise ConfigError(msg, remedy="save it with torch.save(model.state_dict(), path)")
    return {str(key): value for key, value in raw.items()}
