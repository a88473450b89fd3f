"""Target profiles: hardware, runtime, export, plan, budgets, device and package of one target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from edgebuild.config.fields import Name, Table
from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Bytes, Hertz, Millijoules, Milliseconds, Milliwatts
from edgebuild.config.registries import STEPS
from edgebuild.config.wording import BadValueError

_RUNTIME_VERSION = re.compile(r"[a-z][a-z0-9-]* \d+(\.\d+)*")
_VERSION = re.compile(r"\d+(\.\d+)*")
_FINDING = re.compile(r"[a-z][a-z0-9-]*(:[^\s:]+)?")


class Hardware(Table):
    """Facts about the device; they label figures and feed estimates, nothing is derived from a name."""

    cpu: str | None = Field(default=None, description="core of an application processor: cortex-a72, cortex-a76, …")
    core: str | None = Field(default=None, description="core of a microcontroller: cortex-m4, …; a name that is known")
    cores: int | None = Field(default=None, ge=1, description="how many of them")
    accelerator: str | None = Field(default=None, description="edge-tpu, ethos-u55-128, …; a name that is known")
    clock: Hertz | None = Field(default=None, gt=0, description="of the cpu or core")
    flash: Bytes | None = Field(default=None, description="for code and constant data")
    ram: Bytes | None = Field(default=None, description="for everything that changes")
    sram: Bytes | None = Field(default=None, description="on-chip memory of the accelerator")
    link: Literal["usb3", "usb2", "pcie"] | None = Field(
        default=None, description="what the accelerator is attached by"
    )
    system_config: str | None = Field(default=None, description="of an Ethos-U, by Vela's name for it")
    memory_mode: str | None = Field(default=None, description="of an Ethos-U, by Vela's name for it")
    power: Milliwatts | None = Field(default=None, description="active power")
    part: str | None = Field(
        default=None, description="the very part, like stm32l4r5: where its results are published, estimates use them"
    )


class RuntimeNeed(Table):
    """What runs the file on the device, and how old it may be."""

    name: str = Field(description="a runtime that edgebuild can run on this host")
    version: str | None = Field(default=None, description="the version that is used for checks, like '2.3.0'")
    oldest: str | None = Field(
        default=None,
        description="the oldest runtime that must still load the file and run it right, like 'tflite-runtime 2.14.0'",
    )

    @field_validator("version")
    @classmethod
    def _is_a_version(cls, value: str | None) -> str | None:
        if value is not None and _VERSION.fullmatch(value) is None:
            msg = "expected a version like '2.3.0'"
            raise BadValueError(msg, tell_found=True)
        return value

    @field_validator("oldest")
    @classmethod
    def _is_a_name_and_a_version(cls, value: str | None) -> str | None:
        if value is not None and _RUNTIME_VERSION.fullmatch(value) is None:
            msg = "expected a runtime and its version, like 'tflite-runtime 2.14.0'"
            raise BadValueError(msg, tell_found=True)
        return value


class Export(Table):
    """The file that is made."""

    format: str = Field(description="kind of file")
    dtype: str = Field(description="numbers inside; all but fp32 and fp16 need a plan step that delivers them")
    io: str = Field(default="float32", description="numbers of the inputs and outputs, as the app feeds and reads them")
    layout: Literal["nchw", "nhwc"] = Field(default="nchw", description="order of the axes of 4-D inputs and outputs")
    options: dict[str, Any] = Field(default_factory=dict, description="of the format")


@dataclass(frozen=True)
class Limit:
    """One budget: the figure may be at most (`max`) `value` in `unit`, or no worse than it (`metric`)."""

    key: str
    value: float
    unit: str
    sense: Literal["max", "metric"]


class Budgets(Table):
    """Limits; each is optional, and one that is missed fails the build."""

    size: Bytes | None = Field(default=None, description="of the exported file")
    flash: Bytes | None = Field(default=None, description="code and constant data on the device")
    ram: Bytes | None = Field(default=None, description="peak memory of the model on the device")
    latency: Milliseconds | None = Field(default=None, description="of one inference on the device")
    energy: Millijoules | None = Field(default=None, description="of one inference on the device")
    accuracy_drop: float | None = Field(
        default=None, ge=0, description="what the exported file may lose against the baseline: points of the metric"
    )
    accuracy_min: float | None = Field(
        default=None,
        description="what the exported file must reach: the metric in its unit; where lower is better, what it "
        "may not exceed",
    )

    def limits(self) -> tuple[Limit, ...]:
        """The budgets that are set, in the order of declaration; accuracy_min has the unit `metric`: its own."""
        units = {"size": "B", "flash": "B", "ram": "B", "latency": "ms", "energy": "mJ"}
        units |= {"accuracy_drop": "points", "accuracy_min": "metric"}
        found = []
        for key, unit in units.items():
            value = getattr(self, key)
            if value is not None:
                found.append(Limit(key, float(value), unit, "metric" if key == "accuracy_min" else "max"))
        return tuple(found)


class Package(Table):
    """What an app or firmware developer takes; the other keys of the section are the options of that kind."""

    kind: str = Field(default="plain", description="layout of the folder")
    options: dict[str, Any] = Field(default_factory=dict, exclude=True, description="of that kind")


@dataclass(frozen=True)
class PlannedStep:
    """One step of a plan with its checked parameters."""

    method: str
    parameters: Parameters

    def to_json(self) -> dict[str, Any]:
        """The parameters that are not at their default, as plain JSON values: equal parameters give equal JSON.

        The class of the parameters reads them back; a method whose defaults change raises its version.
        """
        return self.parameters.model_dump(mode="json", exclude_defaults=True)


class Target(Table):
    """One profile, its inheritance resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    name: Name = Field(alias="target", description="name of the target")
    description: str = Field(default="", description="one line")
    hardware: Hardware = Field(default_factory=Hardware, description="facts about the device")
    runtime: RuntimeNeed = Field(description="what runs the file on the device")
    export: Export = Field(description="the file that is made")
    plan: tuple[dict[str, dict[str, Any]], ...] = Field(
        default=(), description="compression steps, in order: `- step: {…}`"
    )
    budgets: Budgets = Field(default_factory=Budgets, description="limits")
    allow: tuple[str, ...] = Field(
        default=(), description="findings that become warnings: `code`, or `code:layer` for one layer of the model"
    )
    device: str | None = Field(default="host", description="where it is measured: a name in devices/, or a path")
    package: Package = Field(default_factory=Package, description="what an app or firmware developer takes")

    @field_validator("allow")
    @classmethod
    def _are_findings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if _FINDING.fullmatch(entry) is None:
                msg = f"expected a finding, like 'undelegated-op' or 'undelegated-op:head.softmax', found {entry!r}"
                raise BadValueError(msg)
        return value

    def steps(self) -> tuple[PlannedStep, ...]:
        """The plan as typed steps, in order."""
        named = [(method, values) for entry in self.plan for method, values in entry.items()]
        return tuple(
            PlannedStep(name, STEPS.get(name).chosen(values).parameters.model_validate(values))
            for name, values in named
        )

    def to_json(self) -> dict[str, Any]:
        """The whole profile as plain JSON values, quantities with their unit: what YAML would hold."""
        whole = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {**whole, "package": {"kind": self.package.kind, **self.package.options}}
