"""A quantized model exported in one format, run on its validation data, and held against its own claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.verify import VerifyResult, verify
from edgebuild.config.registries import CENSUSES, FORMATS, RUNTIMES
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.qat_workshop import HARDWARE, images
from tests.compress.workshop import Workshop


class File:
    """A quantized model in one format."""

    def __init__(
        self, shop: Workshop, folder: Path, form: str, dtype: str = "int8", granularity: str = "per_channel"
    ) -> None:
        self.record = read_record(folder)
        output = shop.root / f"{folder.name}-{form}"
        output.mkdir()
        chosen = FORMATS.get(form)
        request = (folder, shop.data, output, shop.root, dtype, "float32", "nchw", {}, 1, Silent())
        chosen.run(ExportRequest(*request, HARDWARE.get(form, {})))  # type: ignore[arg-type]
        exported = read_export(output)
        self.layers = exported.layers
        self.census: Census = CENSUSES.get(exported.file.rpartition(".")[2]).read(output / exported.file)
        session = RUNTIMES.get(chosen.runtime).open(output / exported.file, 1)
        self.outputs = from_raw(exported, raw_outputs(session, exported, images(shop)))["output"]
        session.close()
        runtime = RuntimeVersion(chosen.runtime)
        options = {"fully_connected": "per_tensor"}
        self.promise = Promise("test", form, dtype, "float32", "nchw", runtime, runtime, granularity, options)

    def dtypes(self) -> dict[str, str]:
        return {str(tensor.layer): tensor.dtype for tensor in self.census.weights}

    def proof(self, types: dict[str, str] | None = None, claims: Any = None) -> VerifyResult:
        """With the layers that the model names, or others."""
        own = self.record.layer_types if types is None else types
        promise = replace(self.promise, layer_types=own)
        return verify(self.census, promise, claims or self.record.claims, self.layers)
