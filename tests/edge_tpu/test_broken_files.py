"""Broken and hostile .tflite files: a clear error, never a crash, never a hang."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgebuild.check.accelerators.edge_tpu.report import report_on
from edgebuild.check.census.tflite import take_census, take_structure
from edgebuild.check.inspection import inspect_file
from edgebuild.errors import ConfigError
from tests.edge_tpu.files import Net, image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from measuring.broken_files import broken

FILES = 400


def sound() -> bytes:
    net = Net()
    x = net.convolution(image(net), 8)
    x = net.operation("MEAN", [x, net.constant([1, 2])], [net.tensor((1, 8))])
    return net.data(net.dense(x, 10))


def test_broken_files_are_read_or_refused_in_words() -> None:
    data, unlike = sound(), 0
    refusals: list[str] = []
    for seed in range(FILES):
        damaged = broken(data, seed)
        unlike += damaged != data
        try:
            take_census(damaged, "broken.tflite")
            report_on(take_structure(damaged, "broken.tflite")).to_json()
        except ConfigError as error:
            refusals.append(error.message)
    assert unlike > 0.9 * FILES
    assert FILES / 4 < len(refusals) < FILES
    assert all(message.startswith("broken.tflite is ") for message in refusals)


def test_a_file_cut_off_anywhere_is_refused_or_read() -> None:
    data = sound()
    for end in range(0, len(data), 97):
        with pytest.raises(ConfigError, match=r"x\.tflite is (damaged|not a \.tflite file)"):
            take_structure(data[:end], "x.tflite")


def test_a_small_file_that_unfolds_to_a_huge_one_is_refused_at_once() -> None:
    """One graph of 2,000 tensors that stands 5,000 times in the list of graphs: ten million objects in 70 KB."""
    builder = flatbuffers.Builder(1 << 17)
    graph = schema.SubGraphT()
    graph.tensors = [schema.TensorT() for _ in range(2000)]
    packed = graph.Pack(builder)
    schema.ModelStartSubgraphsVector(builder, 5000)
    for _ in range(5000):
        builder.PrependUOffsetTRelative(packed)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    data = bytes(builder.Output())
    start = time.process_time()
    with pytest.raises(ConfigError, match="it claims to hold more than 8 times its size"):
        take_structure(data, "bomb.tflite")
    assert time.process_time() - start < 2


def test_a_tensor_that_is_not_there_is_named_as_damage() -> None:
    net = Net()
    x = net.convolution(image(net), 8)
    with pytest.raises(ConfigError, match="an input or output refers to a tensor that is not there"):
        take_structure(net.data(x + 50), "x.tflite")


def test_a_file_of_others_is_loaded_into_the_runtime_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteRT can crash on damage that reads well; then the inspection says so and goes on."""
    path = tmp_path / "theirs.tflite"
    path.write_bytes(sound())
    told = inspect_file(path).census.metadata["host_delegate"]
    assert told.startswith("XNNPACK takes ")
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -SEGV $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    told = inspect_file(path).census.metadata["host_delegate"]
    assert told == "this host's LiteRT cannot load it: its process was killed by SIGSEGV"
