"""What a target's profile promises about the file that is made for it."""

from __future__ import annotations

from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.config.target import Target


def promise_of(target: Target) -> Promise:
    """What the target's profile promises about its file; names and shapes are the model's and added by the check."""
    runtime = RuntimeVersion(target.runtime.name, target.runtime.version)
    oldest = RuntimeVersion.parse(target.runtime.oldest) if target.runtime.oldest else runtime
    chosen = [getattr(step.parameters, "granularity", None) for step in target.steps()]
    granularity = next((value for value in reversed(chosen) if value), None)
    options = dict(target.export.options)
    for step in target.steps():
        if hasattr(step.parameters, "fully_connected"):
            options["fully_connected"] = step.parameters.fully_connected
    return Promise(
        target=target.name,
        format=target.export.format,
        dtype=target.export.dtype,
        io=target.export.io,
        layout=target.export.layout,
        runtime=runtime,
        oldest=oldest,
        granularity=granularity,
        options=options,
    )
