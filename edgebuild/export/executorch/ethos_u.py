"""The export format `executorch-ethos-u`: PyTorch to one .pte file whose delegates Vela compiled for an Ethos-U.

Beside the file lies what shows that it is right: the TOSA graph of each delegate, which Arm's reference model runs on
this host, and the quantized graph of PyTorch that all of it was lowered from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebuild.check.accelerators.ethos_u.configurations import FAMILIES, Configuration, configuration_of
from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import FORMATS
from edgebuild.errors import ConfigError
from edgebuild.export.executorch.ethos_u_lower import Lowered, lower_to_ethos_u
from edgebuild.export.executorch.ethos_u_quantizer import quantizer_for
from edgebuild.export.executorch.layout import lay_out
from edgebuild.export.executorch.prepare import prepare
from edgebuild.export.executorch.program import TOOLS, metadata, write_program
from edgebuild.export.format import ExportFormat, ExportRequest, IoSpec, LayerError
from edgebuild.export.graph_file import save_graph
from edgebuild.model.data_folder import read_summary
from edgebuild.runtime import tosa_install, vela_install
from edgebuild.runtime.ethos_u_payload import BACKEND
from edgebuild.runtime.pytorch_graph import GRAPH
from edgebuild.runtime.tosa_file import SIDECAR, read_tosa


def run(request: ExportRequest) -> None:
    """Fill `request.output` with model.pte, its TOSA graphs, graph.pt2, layers.json and export.json.

    Raises:
        ConfigError: the model cannot be traced or lowered, or the profile names no Ethos-U.
        ToolError: Vela or the TOSA tools are not installed, or Vela failed.
    """
    configuration = _configuration(request.hardware)
    tosa_install.add_to_path()
    prepared = prepare(request, quantizer_for(configuration))
    request.progress.update(0.6, f"lowering to {configuration.accelerator}")
    graph, example = lay_out(prepared.graph, prepared.example, request.layout)
    save_graph(graph, example, (prepared.inputs, prepared.outputs), request.output)
    about = metadata(prepared, read_summary(request.data))
    lowered = lower_to_ethos_u(graph, example, about, configuration, request.io)
    sidecars = [SIDECAR.format(number) for number in range(len(lowered.graphs))]
    for name, tosa in zip(sidecars, lowered.graphs, strict=True):
        (request.output / name).write_bytes(tosa)
    write_program(
        request,
        replace(
            prepared,
            inputs=_quantized(prepared.inputs, lowered.input_scales),
            outputs=_quantized(prepared.outputs, lowered.output_scales),
        ),
        "executorch-ethos-u",
        (lowered.data, lowered.layers),
        {"backend": BACKEND, "graph": GRAPH, "tosa": sidecars},
        _present(request, lowered),
        {"ethos-u-vela": vela_install.VERSION, "tosa-tools": tosa_install.VERSION},
    )


def _configuration(hardware: Mapping[str, Any]) -> Configuration:
    name = hardware.get("accelerator")
    if name not in FAMILIES:
        msg = f"format executorch-ethos-u needs hardware.accelerator: one of {', '.join(FAMILIES)}; found {name}"
        raise ConfigError(msg, remedy="extend a profile of an Ethos-U: extends: ethos-u55-128-executorch")
    return configuration_of(str(name), hardware)


def _no_layer_error(_request: ExportRequest, _file: Path, _samples: int) -> list[LayerError]:
    msg = "the layers of an Ethos-U file cannot be looked into one by one: their values stay inside the delegate"
    raise ConfigError(msg, remedy="diff a target of format executorch or tflite of the same model")


def _quantized(specs: tuple[IoSpec, ...], scales: tuple[tuple[float, int] | None, ...]) -> tuple[IoSpec, ...]:
    """The specs of a file whose borders are int8, where they have a scale."""
    return tuple(
        spec if scale is None else replace(spec, dtype="int8", scale=scale[0], zero_point=scale[1])
        for spec, scale in zip(specs, scales, strict=True)
    )


def _present(request: ExportRequest, lowered: Lowered) -> set[str]:
    """Layers that are in the file: of operators of the delegates, and of portable kernels."""
    named = {layer for _, layer in lowered.layers["kernels"] if layer}
    for number in range(len(lowered.graphs)):
        operators = read_tosa(request.output / SIDECAR.format(number)).operators
        named.update(operator.layer for operator in operators if operator.layer)
    return named


FORMATS.register("executorch-ethos-u")(
    ExportFormat(
        title="ExecuTorch program whose delegates are compiled by Vela for an Ethos-U",
        suffix=".pte",
        dtypes={"int8": ("int8", "float32")},
        options=Parameters,
        version=4,
        tools=TOOLS,
        runtime="tosa-reference",
        run=run,
        layer_error=_no_layer_error,
        hardware=("accelerator", "system_config", "memory_mode"),
        float_format="executorch",
        float_finding="undelegated-op",
    )
)
