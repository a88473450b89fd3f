"""Model and data folders of small networks, and their exported files; each is made once per session."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.config.registries import FORMATS
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.load import build_factory, factory_source, write_model_folder
from edgebuild.model.model_folder import ModelRecord
from edgebuild.progress import Silent
from tests.executorch.workshop import HERE, SCHEMES, Export, Exported, samples_of


@pytest.fixture(scope="session")
def request_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ExportRequest]:
    """Factory name, dtype, layout, io, factory arguments -> a request on real folders."""

    def make(
        name: str, dtype: str, layout: str = "nchw", io: str = "float32", scheme: Any = "agreed", **kwargs: Any
    ) -> ExportRequest:
        torch.set_num_threads(1)
        root = tmp_path_factory.mktemp(f"{name}-{dtype}")
        folders = {part: root / part for part in ("model", "data", "output")}
        for folder in folders.values():
            folder.mkdir()
        samples = samples_of(kwargs.get("channels", 3))
        source = factory_source(f"zoo:{name}", kwargs)
        record = ModelRecord(
            source, ("image",), ("scores",), quantization=SCHEMES.get(dtype) if scheme == "agreed" else scheme
        )
        write_model_folder(folders["model"], record, build_factory(source, HERE, seed=3))
        np.save(folders["model"] / "calibration.image.npy", samples)
        np.save(folders["data"] / "validation.image.npy", samples)
        shape = samples.shape[1:]
        spec = {"name": "image", "shape": shape, "dtype": "float32", "scale": 0.5, "mean": [0.1], "std": [2]}
        summary = {"inputs": [spec], "lengths": {"validation": len(samples)}, "classes": list("abcde")}
        (folders["data"] / "data.json").write_text(json.dumps(summary))
        return ExportRequest(
            model=folders["model"],
            data=folders["data"],
            output=folders["output"],
            project_root=HERE,
            dtype=dtype,  # type: ignore[arg-type]
            io=io,
            layout=layout,  # type: ignore[arg-type]
            options={},
            seed=0,
            progress=Silent(),
        )

    return make


@pytest.fixture(scope="session")
def export(request_for: Callable[..., ExportRequest]) -> Export:
    """The same arguments -> the exported file, kept for the session."""

    @cache
    def make(name: str, dtype: str, layout: str = "nchw", io: str = "float32", **kwargs: Any) -> Exported:
        request = request_for(name, dtype, layout, io, **kwargs)
        FORMATS.get("executorch").run(request)
        model = build_factory(factory_source(f"zoo:{name}", kwargs), HERE, seed=3)
        return Exported(request, read_export(request.output), model, samples_of(kwargs.get("channels", 3)))

    return make
