"""JSON Schemas of the project and profile files, for editors; names come from the registries."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from edgebuild.config.device import Device
from edgebuild.config.project import ProjectFile
from edgebuild.config.registries import (
    ACCELERATORS,
    CORES,
    FORMATS,
    METERS,
    PACKAGERS,
    RUNTIMES,
    STEPS,
    TRANSPORTS,
)
from edgebuild.config.shipped import shipped_targets
from edgebuild.config.target import Target

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def target_schema_json() -> dict[str, Any]:
    """JSON Schema of a profile; every registered step, format, runtime and package with its parameters."""
    schema = _schema(Target, "edgebuild target profile")
    definitions = schema["$defs"]
    properties = schema["properties"]
    properties["extends"] = {"type": "string", "description": "a shipped profile, or a path: this one changes it"}
    properties["plan"]["items"] = {
        "oneOf": [
            _step(name, one.parameters, definitions) for name, method in STEPS.items() for _, one in method.variants()
        ]
    }
    definitions["Package"] = {
        "anyOf": [_package(name, packager.options, definitions) for name, packager in PACKAGERS.items()]
    }
    definitions["RuntimeNeed"]["properties"]["name"]["enum"] = RUNTIMES.names()
    for key, registry in (("accelerator", ACCELERATORS), ("core", CORES)):
        definitions["Hardware"]["properties"][key]["enum"] = [*registry.names(), None]
    _describe_export(definitions)
    # A profile that extends another may leave out what it inherits, in every section.
    schema["required"] = ["target"]
    for section in ("RuntimeNeed", "Export"):
        definitions[section].pop("required", None)
    return schema


def project_schema_json() -> dict[str, Any]:
    """JSON Schema of edgebuild.yaml, with the short forms that it takes."""
    schema = _schema(ProjectFile, "edgebuild project")
    target = target_schema_json()
    definitions = {**target.pop("$defs"), **schema["$defs"]}
    inline = {key: value for key, value in target.items() if key not in ("$schema", "title", "required")}
    definitions["Target"] = {**inline, "required": ["extends"]}
    metric = schema["properties"]["metric"]
    schema["properties"]["metric"] = {
        "description": metric.get("description", ""),
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Metric"}],
    }
    names = {"type": "string", "examples": shipped_targets()}
    schema["properties"]["targets"]["items"] = {"anyOf": [names, {"$ref": "#/$defs/Target"}]}
    for key in ("mean", "std"):
        several = definitions["Normalization"]["properties"][key]
        description = several.pop("description", "")
        definitions["Normalization"]["properties"][key] = {
            "description": description,
            "anyOf": [{"type": "number"}, several],
        }
    schema["$defs"] = definitions
    return schema


def device_schema_json() -> dict[str, Any]:
    """JSON Schema of a file in devices/."""
    schema = _schema(Device, "edgebuild device")
    schema["properties"]["transport"]["enum"] = TRANSPORTS.names()
    schema["$defs"]["Power"]["properties"]["meter"]["enum"] = [*METERS.names(), None]
    return schema


def _schema(table: type[BaseModel], title: str) -> dict[str, Any]:
    schema = table.model_json_schema(by_alias=True)
    return {"$schema": _DIALECT, **schema, "title": title}


def _lift(table: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a table; what it refers to moves into `definitions` under a name of its own."""
    prefix = f"{table.__module__.rpartition('.')[2]}."
    schema = table.model_json_schema(by_alias=True, ref_template=f"#/$defs/{prefix}{{model}}")
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}{name}"] = definition
    return schema


def _step(name: str, table: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    parameters = _lift(table, definitions)
    return {"type": "object", "properties": {name: parameters}, "required": [name], "additionalProperties": False}


def _package(name: str, table: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _lift(table, definitions)
    return {**schema, "properties": {"kind": {"const": name}, **schema.get("properties", {})}, "title": name}


def _describe_export(definitions: dict[str, Any]) -> None:
    properties = definitions["Export"]["properties"]
    properties["format"]["enum"] = FORMATS.names()
    formats = [chosen for _, chosen in FORMATS.items()]
    properties["dtype"]["enum"] = sorted({dtype for chosen in formats for dtype in chosen.dtypes})
    properties["io"]["enum"] = sorted(
        {io for chosen in formats for allowed in chosen.dtypes.values() for io in allowed}
    )
    definitions["Export"]["allOf"] = [
        {
            "if": {"properties": {"format": {"const": name}}, "required": ["format"]},
            "then": {"properties": {"options": _lift(chosen.options, definitions)}},
        }
        for name, chosen in FORMATS.items()
    ]
