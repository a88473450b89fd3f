"""Rule `op-too-new`: every runtime that the profile promises has every operation in the version the file needs."""

from __future__ import annotations

from packaging.version import Version

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.rule import Rule
from edgebuild.check.runtime_versions.executorch import RUNTIME_NAME, SCHEMA_IDENTIFIERS
from edgebuild.check.runtime_versions.faults import faults_of
from edgebuild.check.runtime_versions.names import parse_version, tensorflow_release
from edgebuild.check.runtime_versions.required import Requirement, requirements
from edgebuild.check.runtime_versions.table import operation_table
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing
from edgebuild.config.registries import RULES

CODE = "op-too-new"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Hold the file against the current and the oldest runtime of the profile."""
    if census.format == "pte":
        return _executorch(census, promise)
    findings = []
    for runtime in promise.runtimes:
        findings += _versions(census, runtime, layers)
        findings += _faults(census, runtime, layers)
    return findings


def _versions(census: Census, runtime: RuntimeVersion, layers: tuple[str, ...]) -> list[Finding]:
    release = tensorflow_release(runtime)
    if release is None:
        return []
    too_new = [requirement for requirement in requirements(census) if _is_too_new(requirement, release)]
    if not too_new:
        return []
    operations = [requirement.operation for requirement in too_new]
    wiring = Wiring(census)
    named = listing(dict.fromkeys(f"{need} {wiring.whereabouts(need.operation)}" for need in too_new))
    message = f"{runtime} does not have {named}; the file needs {_oldest_that_has(too_new)}"
    return [Finding(CODE, message, layers_of(operations, layers))]


def _is_too_new(requirement: Requirement, release: Version) -> bool:
    if requirement.runtime is None:
        return release <= operation_table().newest_runtime
    return release < requirement.runtime


def _oldest_that_has(too_new: list[Requirement]) -> str:
    releases = [requirement.runtime for requirement in too_new if requirement.runtime is not None]
    if len(releases) < len(too_new):
        return f"a TensorFlow Lite release after {operation_table().newest_runtime}"
    return f"TensorFlow Lite {max(releases)}"


def _faults(census: Census, runtime: RuntimeVersion, layers: tuple[str, ...]) -> list[Finding]:
    wiring = Wiring(census)
    return [
        Finding(CODE, f"{runtime} {fault.effect}: {_places(hit, wiring)}", layers_of(hit, layers))
        for fault, hit in faults_of(census, runtime)
    ]


def _places(operations: list[OperationRecord], wiring: Wiring) -> str:
    return listing(dict.fromkeys(f"{operation.name} {wiring.whereabouts(operation)}" for operation in operations))


def _executorch(census: Census, promise: Promise) -> list[Finding]:
    if census.schema_version.split()[0] not in SCHEMA_IDENTIFIERS:
        known = ", ".join(sorted(SCHEMA_IDENTIFIERS))
        return [Finding(CODE, f"the file's schema is {census.schema_version}, ExecuTorch runtimes load {known}")]
    oldest, current = promise.oldest, promise.runtime
    if oldest.name != RUNTIME_NAME or oldest.version is None or current.version is None:
        return []
    if parse_version(oldest) >= parse_version(current):
        return []
    message = (
        f"made for {current}: a .pte names no minimum runtime, so that {oldest} runs it is not proved; run it there"
    )
    return [Finding(CODE, message, severity="note")]


RULES.register(CODE)(Rule("every promised runtime has every operation in the version the file needs", check))
