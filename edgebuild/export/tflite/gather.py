"""Embeddings for full-integer files: the calibrator quantizes GATHER, and not EMBEDDING_LOOKUP, which does the same."""

from __future__ import annotations

import numpy as np

from edgebuild.runtime.litert_flatbuffer import operator_name, parse_model, serialize_model


def lookups_as_gathers(data: bytes, label: str) -> bytes:
    """The file with a GATHER of rows in the place of every EMBEDDING_LOOKUP; as it came where there is none."""
    from ai_edge_litert import schema_py_generated as schema

    model = parse_model(data, label)
    graph = model.subgraphs[0]
    found = [one for one in graph.operators if operator_name(model, one) == "EMBEDDING_LOOKUP"]
    if not found:
        return data
    gather = schema.BuiltinOperator.GATHER
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.EMBEDDING_LOOKUP:
            code.builtinCode = code.deprecatedBuiltinCode = gather
            code.version = 1
    for lookup in found:
        ids, table = lookup.inputs
        lookup.inputs = np.array([table, ids], np.int32)
        lookup.builtinOptionsType, lookup.builtinOptions = schema.BuiltinOptions.GatherOptions, schema.GatherOptionsT()
    return serialize_model(model)
