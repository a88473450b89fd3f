"""A finding: something in the exported file that is not as the profile promised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Severity = Literal["fatal", "allowed", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (fatal), wrong but allowed by the profile, or worth knowing (note).

    Attributes:
        code: stable kebab-case name, what `allow:` in a profile refers to: `float-weights`, `undelegated-op`,
            `stray-transpose`, `inner-quantize`, `op-too-new`, `io-dtype`, `parity`, …
        message: one sentence with found and expected, layers named.
        layers: dotted names of the layers of the user's model concerned; may be empty.
    """

    code: str
    message: str
    layers: tuple[str, ...] = ()
    severity: Severity = "fatal"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def apply_allow(findings: Iterable[Finding], allow: Iterable[str]) -> list[Finding]:
    """Turn fatal findings that the profile allows into `allowed` ones.

    An entry of `allow` is a code (`undelegated-op`) or a code with one layer (`undelegated-op:head.softmax`);
    with layers, every layer of the finding must be allowed.
    """
    entries = set(allow)
    result = []
    for finding in findings:
        whole = finding.code in entries
        by_layer = bool(finding.layers) and all(f"{finding.code}:{layer}" in entries for layer in finding.layers)
        if finding.severity == "fatal" and (whole or by_layer):
            result.append(replace(finding, severity="allowed"))
        else:
            result.append(finding)
    return result
