"""The runtime `executorch`: .pte files on this host, in a C++ process without torch or Python."""

from __future__ import annotations

from edgebuild.config.registries import RUNTIMES
from edgebuild.runtime.executorch_file import INSTALL, executorch_version
from edgebuild.runtime.executorch_profile import profile_pte
from edgebuild.runtime.executorch_session import ExecutorchSession
from edgebuild.runtime.executorch_timing import time_pte
from edgebuild.runtime.session import Runtime

RUNTIMES.register("executorch")(
    Runtime(
        title="ExecuTorch with XNNPACK, through a C++ runner linked against the wheel's shared libraries",
        version=executorch_version,
        open=ExecutorchSession,
        time=time_pte,
        profile=profile_pte,
        remedy=INSTALL,
        distribution="executorch",
    )
)
