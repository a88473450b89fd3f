"""The registries of every kind of extension: the config checks a name here without importing what it names.

Each says the package whose modules register in it: adding an extension is adding one file there.
"""

from __future__ import annotations

from typing import Any

from edgebuild.registry import Registry

STEPS: Registry[Any] = Registry("plan step", "edgebuild.compress")
"""name -> `edgebuild.compress.step.StepMethod`"""

FORMATS: Registry[Any] = Registry("export format", "edgebuild.export")
"""name -> `edgebuild.export.format.ExportFormat`"""

CENSUSES: Registry[Any] = Registry("file type", "edgebuild.check.census")
"""file suffix without the dot (`tflite`, `pte`) -> `edgebuild.check.census.model.CensusReader`"""

CLAIMS: Registry[Any] = Registry("claim", "edgebuild.check.claims")
"""name -> `edgebuild.check.claim.ClaimChecker`: what a step says it changed, checked in the exported file"""

RULES: Registry[Any] = Registry("rule", "edgebuild.check.rules")
"""code of its findings -> `edgebuild.check.rule.Rule`: what every exported file is held against"""

ACCELERATORS: Registry[Any] = Registry("accelerator", "edgebuild.check.accelerators")
"""name -> `edgebuild.check.accelerators.accelerator.Accelerator`: judges a file for an accelerator nobody has here"""

CORES: Registry[Any] = Registry("core", "edgebuild.export.c.cores")
"""name -> `edgebuild.export.c.cores.Core`: a core of microcontrollers that code is compiled for"""

RUNTIMES: Registry[Any] = Registry("runtime", "edgebuild.runtime")
"""name -> `edgebuild.runtime.session.Runtime`: runs an exported file on this host"""

TRANSPORTS: Registry[Any] = Registry("transport", "edgebuild.device")
"""name -> `edgebuild.device.transport.TransportKind`"""

METERS: Registry[Any] = Registry("power meter", "edgebuild.bench.power.meters")
"""name -> `edgebuild.bench.power.meter.MeterKind`"""

PACKAGERS: Registry[Any] = Registry("package", "edgebuild.package")
"""name -> `edgebuild.package.packager.Packager`"""

STAGES: Registry[Any] = Registry("stage kind", "edgebuild.graph.stages")
"""name -> `edgebuild.graph.stage.StageKind`"""
