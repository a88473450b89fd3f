"""The claim `distinct_values` of a C library is held against its arrays, not against the file it was compiled from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edgebuild.check.census.c import read_census
from edgebuild.config.registries import CLAIMS, FORMATS
from edgebuild.errors import ConfigError
from edgebuild.export.c.compile import CompileOptions, codebook_layers, compile_model
from edgebuild.export.c.library import write_library
from edgebuild.export.format import ExportRequest
from edgebuild.progress import Silent
from tests.check.conftest import Export

CLAIM = {"claim": "distinct_values", "step": "cluster", "layer": "stem", "maximum": 4}


@pytest.mark.parametrize("codebooks", [False, True])
def test_values_are_counted_in_the_source(tflite: Export, tmp_path: Path, codebooks: bool) -> None:
    data = tflite("sparse", "int8", granularity="per_tensor", io="int8").path.read_bytes()
    compiled = compile_model(data, "model.tflite", CompileOptions(codebooks=codebooks))
    assert len(codebook_layers(compiled)) == codebooks
    write_library(tmp_path, compiled, compiled, data)
    held = CLAIMS.get("distinct_values").check(read_census(tmp_path / "model.c"), CLAIM)
    assert (held.evidence, held.findings) == ("stem: at most 4 distinct values in 1 weight tensor", ())
    source = tmp_path / "model.c"
    text, part = source.read_text(), "values" if codebooks else "weights"
    start = text.index("{", text.index(f"const int8_t model_layer_00_{part}[")) + 1
    numbers = text[start : text.index("}", start)].split(",")
    if codebooks:  # a fifth value in the table, and indices that name it
        indices = text.index("{", text.index("const int8_t model_layer_00_weights[")) + 1
        text = f"{text[:indices]}\n    {0x44}, {text[text.index(',', indices) + 1 :].lstrip()}"
        start = text.index("{", text.index(f"const int8_t model_layer_00_{part}[")) + 1
        numbers[4] = " 99"
    else:
        numbers[0] = "99"
    text = text[:start] + ",".join(numbers) + text[text.index("}", start) :]
    source.write_text(text)
    (finding,) = CLAIMS.get("distinct_values").check(read_census(source), CLAIM).findings
    assert finding.message == "cluster: at most 4 distinct values promised, found stem: 5"


def test_codebooks_without_few_values_are_refused(tflite: Export, tmp_path: Path) -> None:
    source = tflite("plain", "int8", io="int8").path.parent
    request = ExportRequest(
        model=source.parent / "model",
        data=source.parent / "data",
        output=tmp_path,
        project_root=source,
        dtype="int8",
        io="int8",
        layout="nhwc",
        options={"codebooks": True},
        seed=0,
        progress=Silent(),
        hardware={"core": "cortex-m4"},
        source=source,
    )
    with pytest.raises(ConfigError, match="no layer has at most 16 distinct weights"):
        FORMATS.get("c").run(request)
    FORMATS.get("c").run(dataclasses.replace(request, options={}))
    assert (tmp_path / "model.c").is_file()
