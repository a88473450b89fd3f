"""A file that is to be measured on a device, and what this host gives for the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebuild.bench.board.compare import compare_with_host, host_outputs, promises_equal_outputs
from edgebuild.bench.board.edge_tpu import is_compiled, source_of
from edgebuild.bench.board.place import runtime_of
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.config.registries import RUNTIMES
from edgebuild.figure import Figure


@dataclass(frozen=True)
class Expected:
    """What the device is held against.

    Attributes:
        file: the .tflite or .pte that the device runs.
        samples: input -> array [samples, ...], each sample as the file wants it, inputs in the file's order.
        known: the file that this host ran in its place; None where there was none.
        outputs: of `known`, [samples, ...]; empty where there was none.
    """

    file: Path
    samples: Mapping[str, np.ndarray]
    known: Path | None
    outputs: Mapping[str, np.ndarray]

    def compare(
        self, device: Device, told: Mapping[str, str], there: Mapping[str, np.ndarray]
    ) -> tuple[list[Figure], list[Finding]]:
        """The outputs of a device, which said `told` of itself, against these."""
        runtime = runtime_of(self.file)
        names = (f"{runtime} {RUNTIMES.get(runtime).version()} on this host", device.name)
        # The runtime of 32-bit boards is an older one with other kernels.
        narrow = told["architecture"] in ("armv7l", "armv6l")
        exact = self.known == self.file and not narrow and promises_equal_outputs(self.file)
        figures, findings = compare_with_host(self.outputs, there, names, exact=exact)
        if self.known is None:
            message = f"{self.file.name} runs on an Edge TPU only, and the file it was compiled from is not beside it"
            findings.append(Finding("device-not-compared", message, severity="note"))
        return figures, findings


def expect(file: Path, samples: Mapping[str, np.ndarray]) -> Expected:
    """Run `file` on this host; one that was compiled for an Edge TPU is stood for by the file beside it.

    Raises:
        ConfigError: there is no runtime for its suffix.
        ToolError: the runtime is missing or cannot run the file.
    """
    known = source_of(file) if is_compiled(file) else file
    outputs = host_outputs(runtime_of(file), known, samples) if known is not None else {}
    return Expected(file, samples, known, outputs)
