"""Which TensorFlow Lite release a runtime named in a profile has the operations of."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from edgebuild.check.promise import RuntimeVersion
from edgebuild.errors import ConfigError

_SAME_NUMBER = frozenset({"tensorflow", "tensorflow-lite", "tflite-runtime"})

_LITERT = {"1.0": "2.17", "1.1": "2.18", "1.2": "2.18"}
"""LiteRT release -> the TensorFlow release that was out when it was made: a lower bound of the operations it has.

From 1.2 on all operations of our table are in; the table ends at 2.18.
"""

_EDGE_TPU_COMPILER = {"16": "2.5", "15": "2.3"}
"""Edge TPU compiler -> TensorFlow Lite release of its parser.

Version 16 rejects CONV_2D 6 (google-coral/edgetpu issue 631), EXP 2 (google-coral/libedgetpu issue 71) and
TRANSPOSE_CONV 4, and its runtime pairs with tflite-runtime 2.5 (google-coral/libedgetpu issue 31).
"""

EDGE_TPU = frozenset({"edgetpu", "edgetpu-compiler", "edge-tpu", "edge-tpu-compiler"})
"""Names under which a profile may promise the Edge TPU compiler."""

MICRO = frozenset({"tflite-micro", "tflm"})
"""Microcontroller runtimes: they register kernels whatever the operation version, and plan memory ahead of time."""


def parse_version(runtime: RuntimeVersion) -> Version:
    """The runtime's version for comparing.

    Raises:
        ConfigError: it has none, or one that is not a version number.
    """
    try:
        return Version(runtime.version or "")
    except InvalidVersion:
        msg = f"runtime {runtime.name}: {runtime.version!r} is not a version number"
        raise ConfigError(msg, remedy=f"write it as in `{runtime.name} 2.14.0`") from None


def tensorflow_release(runtime: RuntimeVersion) -> Version | None:
    """The TensorFlow Lite release whose operations the runtime has at least; None where no such limit applies.

    Raises:
        ConfigError: the runtime's version is not a version number.
    """
    if runtime.name in _SAME_NUMBER and runtime.version:
        return parse_version(runtime)
    if runtime.name in ("litert", "ai-edge-litert") and runtime.version:
        return _newest_at_most(parse_version(runtime), _LITERT)
    if runtime.name in EDGE_TPU:
        return _newest_at_most(parse_version(runtime) if runtime.version else Version("16"), _EDGE_TPU_COMPILER)
    return None


def _newest_at_most(version: Version, releases: dict[str, str]) -> Version:
    """The release of the newest entry that is not newer than `version`, of the oldest entry where all are."""
    entries = sorted((Version(ours), Version(theirs)) for ours, theirs in releases.items())
    reached = [release for ours, release in entries if ours <= version]
    return reached[-1] if reached else entries[0][1]
