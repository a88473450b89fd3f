"""The facts table of operation versions, and the runtime that a file really needs."""

from __future__ import annotations

import pytest
from packaging.version import Version

from edgebuild.check.accelerators.edge_tpu.supported import SUPPORTED
from edgebuild.check.promise import RuntimeVersion
from edgebuild.check.runtime_versions.names import tensorflow_release
from edgebuild.check.runtime_versions.required import required_runtime
from edgebuild.check.runtime_versions.table import operation_table
from edgebuild.errors import ConfigError
from tests.check.conftest import Export
from tests.check.workshop import with_version


def test_the_table_names_operations_of_the_schema_only() -> None:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    names = {name for name in vars(BuiltinOperator) if name.isupper()}
    assert set(operation_table().runtimes) <= names
    assert names >= set(SUPPORTED)


def test_the_table_never_goes_back_in_time_by_more_than_a_rollback() -> None:
    for operation, versions in operation_table().runtimes.items():
        releases = [versions[number] for number in sorted(versions)]
        assert releases == sorted(releases), operation


def test_known_pairs() -> None:
    table = operation_table()
    assert table.oldest_runtime("CONV_2D", 6) == Version("2.9.0")
    assert table.oldest_runtime("BROADCAST_TO", 1) is None
    assert table.oldest_runtime("BROADCAST_TO", 2) == Version("2.5.0")
    assert table.oldest_runtime("FULLY_CONNECTED", 12) == Version("2.17.0")
    assert table.is_beyond("CONV_2D", 9)
    assert not table.is_beyond("NOT_AN_OPERATION", 9)


def test_the_operation_that_decides_is_named(tflite: Export) -> None:
    requirement = required_runtime(tflite("plain", "int8-dynamic", fully_connected="per_channel").census)
    assert requirement is not None
    assert requirement.runtime == Version("2.17.0")
    assert (requirement.operation.name, requirement.operation.layer) == ("FULLY_CONNECTED", "fc")


def test_types_count_where_the_file_states_too_little(tflite: Export) -> None:
    source = tflite("plain", "int8")
    understated = source.with_bytes(with_version(source, "DEPTHWISE_CONV_2D", 1)).census
    from edgebuild.check.runtime_versions.required import requirements

    found = {need.operation.name: need for need in requirements(understated)}
    assert found["DEPTHWISE_CONV_2D"].by_types
    assert str(found["DEPTHWISE_CONV_2D"]) == "DEPTHWISE_CONV_2D version 3 by its types"
    assert found["DEPTHWISE_CONV_2D"].runtime == Version("1.14.0")


def test_a_version_beyond_the_table_is_unknown_not_old(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    requirement = required_runtime(source.with_bytes(with_version(source, "CONV_2D", 99)).census)
    assert requirement is not None
    assert requirement.runtime is None


def test_a_pte_has_no_such_table(pte: Export) -> None:
    assert required_runtime(pte("plain", "int8").census) is None


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("tflite-runtime 2.14.0", "2.14.0"),
        ("litert 2.3.0", "2.18"),
        ("litert 1.0.1", "2.17"),
        ("edgetpu-compiler 16", "2.5"),
        ("edgetpu-compiler 16.0.384591198", "2.5"),
        ("edgetpu", "2.5"),
    ],
)
def test_the_release_behind_a_runtime(text: str, release: str) -> None:
    assert tensorflow_release(RuntimeVersion.parse(text)) == Version(release)


def test_runtimes_without_a_limit() -> None:
    assert tensorflow_release(RuntimeVersion.parse("tflite-micro 0.1")) is None
    assert tensorflow_release(RuntimeVersion.parse("executorch 1.5.1")) is None


def test_a_version_that_is_none() -> None:
    with pytest.raises(ConfigError, match="runtime tflite-runtime: 'newest' is not a version number"):
        tensorflow_release(RuntimeVersion.parse("tflite-runtime newest"))
