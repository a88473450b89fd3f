"""The model artifact: a model between stages, as the user's factory, a list of edits and weights; never a pickle.

Files of the folder:
    model.json             `ModelRecord` as JSON
    weights.safetensors    the state dict after the edits
    program.pt2            only where the source is a torch.export program
    calibration.<input>.npy  only after a step that calibrates: the samples it chose, batch first
    constraint.<kind>.safetensors  only after a step that demands something of later training (`record.constraints`)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelRecord:
    """What model.json holds.

    Attributes:
        source: `{"kind": "factory", "factory": "module:function", "kwargs": {…}}` or `{"kind": "program"}`.
        edits: structural edits in the order they are replayed: `{"edit": "keep_channels", "layer": "body.0", …}`.
        claims: what the steps so far say the exported file will show (`edgebuild.check.claim`).
        quantization: scheme chosen by the plan's quantize step; None before it. In it `layer_types`: dotted name of a
            layer -> the type of its weight, for those that are not as the scheme says of all.
        input_names, output_names: in the order of the model's arguments and results.
        constraints: what the steps so far demand of the weights in every later training: `{"constraint": "zeros", …}`
            (`edgebuild.compress.constraints`).
        extra: a step's own account under its name; `effect` in it is one sentence for the ledger.
    """

    source: dict[str, Any]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    edits: tuple[dict[str, Any], ...] = ()
    claims: tuple[dict[str, Any], ...] = ()
    quantization: dict[str, Any] | None = None
    constraints: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def layer_types(self) -> dict[str, str]:
        """Layer -> type of its weight (`float32`), where that is another one than the quantization scheme's own."""
        return dict((self.quantization or {}).get("layer_types", {}))

    @property
    def float_layers(self) -> tuple[str, ...]:
        """The layers that stay in floating point beside integers."""
        return tuple(layer for layer, dtype in self.layer_types.items() if dtype == "float32")

    def write(self, folder: Path) -> None:
        """Write model.json into `folder`."""
        (folder / "model.json").write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def read_record(folder: Path) -> ModelRecord:
    """Read model.json of a model artifact."""
    raw = json.loads((folder / "model.json").read_text())
    for key in ("input_names", "output_names", "edits", "claims", "constraints"):
        raw[key] = tuple(raw.get(key, ()))
    return ModelRecord(**raw)
