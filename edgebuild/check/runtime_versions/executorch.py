"""What can be known offline about running a .pte on an older ExecuTorch: little, and this says how little.

A .pte names its flatbuffer schema and the kernels it calls, but no minimum runtime, and the installed package has no
list of the kernels that a past runtime registered. The schema identifier is a hard gate: a runtime refuses any other.
"""

from __future__ import annotations

SCHEMA_IDENTIFIERS = frozenset({"ET12"})
"""File identifiers that ExecuTorch runtimes of version 1.x load."""

RUNTIME_NAME = "executorch"
