"""Runs TOSA graphs on Arm's reference model, in the environment of the TOSA tools; imports nothing of edgebuild.

    python tosa_worker.py FILE.tosa …     answers requests on stdin until it ends

A message is an 8-byte little-endian length and that many bytes of .npz: arrays `0`, `1`, … of a graph's inputs or
outputs; a request also has `graph`, the number of the file.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from pathlib import Path

import numpy as np


def main(files: list[str]) -> None:
    """Answer until stdin ends; whatever the model prints goes to stderr."""
    import tosa_reference_model

    graphs = [Path(file).read_bytes() for file in files]
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        header = sys.stdin.buffer.read(8)
        if len(header) < 8:
            return
        with np.load(io.BytesIO(sys.stdin.buffer.read(struct.unpack("<Q", header)[0])), allow_pickle=False) as request:
            graph = graphs[int(request["graph"])]
            inputs = [request[str(position)] for position in range(len(request.files) - 1)]
        outputs, status = tosa_reference_model.run(
            graph, inputs, verbosity="NONE", initialize_variable_tensor_from_numpy=True
        )
        if status != tosa_reference_model.GraphStatus.TOSA_VALID:
            sys.exit(f"RuntimeError: the graph is {status}")
        packed = io.BytesIO()
        np.savez(packed, **{str(position): array for position, array in enumerate(outputs)})
        replies.write(struct.pack("<Q", packed.tell()) + packed.getvalue())
        replies.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
