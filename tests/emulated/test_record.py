"""What a run is written down as."""

from __future__ import annotations

import hashlib
import json

from edgebuild.bench.firmware.record import run_record
from edgebuild.bench.firmware.run import run_firmware
from edgebuild.figure import Figure
from tests.emulated.boards import board, expected, model, samples


def test_a_run_is_written_down_whole_and_reads_back() -> None:
    run = run_firmware(model(), "model", board("cortex-m4"), samples(2))
    record = json.loads(json.dumps(run_record(run, 120e6, part="stm32l4r5")))
    assert record["instructions"] == record["overhead"] + sum(layer["instructions"] for layer in record["layers"])
    assert [layer["symbol"] for layer in record["layers"]] == ["model_layer_00", "model_layer_01", "model_layer_02"]
    assert record["arena_bytes"] == 304
    assert record["ram_bytes"] == 304 + record["stack_bytes"]
    flash = record["flash"]
    assert record["flash_bytes"] == flash["model_code"] + flash["model_constants"] + flash["library"]
    digests = [[hashlib.sha256(expected(sample)).hexdigest()] for sample in samples(2)]
    assert record["outputs_sha256"] == digests
    cycles = Figure.from_json(record["cycles"])
    assert cycles.kind == "estimated"
    assert cycles.low is not None
    assert cycles.high is not None
    assert record["instructions"] < cycles.low < cycles.high
    assert {Figure.from_json(raw).kind for raw in record["figures"]} == {"emulated"}
