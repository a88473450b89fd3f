"""Rule `sparse-storage`: weights are stored sparsely if that was asked, and no kernel reads such a weight as it is."""

from __future__ import annotations

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, places
from edgebuild.config.registries import RULES

CODE = "sparse-storage"
_UNPACKS = "DENSIFY"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find what was asked and is not there, and sparse weights that a runtime would take for dense ones."""
    sparse = [tensor for tensor in census.tensors if tensor.is_sparse]
    if promise.options.get("sparse") and not sparse:
        message = (
            "export.options.sparse asked, but no weight is stored sparsely: none that the runtime can unpack would be "
            "smaller so; leave the option out, or prune more"
        )
        return [Finding(CODE, message)]
    wiring = Wiring(census)
    bare = [
        tensor for tensor in sparse if any(reader.name != _UNPACKS for reader in wiring.consumers.get(tensor.index, ()))
    ]
    if not bare:
        return []
    message = f"sparse weights without {_UNPACKS}, which runtimes read as dense ones without an error: {places(bare)}"
    return [Finding(CODE, message, layers_of(bare, layers))]


RULES.register(CODE)(Rule("sparse storage is there if asked, and every sparse weight is unpacked", check))
