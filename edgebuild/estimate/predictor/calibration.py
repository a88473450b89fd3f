"""The calibration of a device: a JSON file beside its device file, one table for each dtype and number of threads.

That of an emulated board also corrects what its emulation says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild.config.wording import threads_words
from edgebuild.errors import ConfigError
from edgebuild.estimate.arm.correction import Correction
from edgebuild.estimate.predictor.amounts import amounts_of
from edgebuild.estimate.predictor.table import Table, predict
from edgebuild.estimate.predictor.workload import Workload
from edgebuild.figure import Figure

SCHEMA_VERSION = 2
"""Raise it when a reader of the file must change."""
_KEYS = {"schema_version", "device", "source", "tables", "corrections"}


@dataclass(frozen=True)
class Calibration:
    """What was fitted to the measurements of one device; `source` says which file, and its SHA-256."""

    device: str
    source: str
    tables: tuple[Table, ...]
    corrections: tuple[Correction, ...] = ()

    def to_text(self) -> str:
        """The text of the file."""
        tables = [table.to_json() for table in self.tables]
        raw = {
            "schema_version": SCHEMA_VERSION,
            "device": self.device,
            "source": self.source,
            "tables": tables,
            "corrections": [correction.to_json() for correction in self.corrections],
        }
        return json.dumps(raw, indent=1, sort_keys=True) + "\n"

    def table_for(self, dtype: str, threads: int | None = None) -> Table | None:
        """The table of a dtype; without `threads` the one with fewest."""
        fitting = [table for table in self.tables if table.dtype == dtype and threads in (None, table.threads)]
        return min(fitting, key=lambda table: table.threads, default=None)

    def latency(self, workload: Workload, threads: int | None = None) -> Figure:
        """Time of one inference as an estimated figure; missing where nothing of its dtype was measured."""
        table = self.table_for(workload.dtype, threads)
        if table is None:
            known = ", ".join(f"{one.dtype} with {threads_words(one.threads)}" for one in self.tables)
            asked = workload.dtype if threads is None else f"{workload.dtype} with {threads_words(threads)}"
            reason = f"not estimated: {self.device} is calibrated for {known}, not for {asked}"
            return Figure("latency", None, "ms", "estimated", provenance=reason)
        found = predict(table, amounts_of(workload))
        known_share = found.unseen == 0
        about = f"{self.device}, {threads_words(table.threads)}, {workload.dtype}: {self._about(table)}"
        if not known_share:
            about += f"; {found.unseen:.0%} of it is of kinds that none of them has, up to four times off"
        return Figure(
            "latency",
            found.value,
            "ms",
            "estimated",
            low=found.low,
            high=found.high,
            confidence=table.confidence if known_share else None,
            provenance=about,
        )

    def corrected(self, figure: Figure, dtype: str, threads: int) -> Figure:
        """An estimate of the board's emulation as measured times correct it; as it is where none are of its kind."""
        for correction in self.corrections:
            if (correction.dtype, correction.threads) == (dtype, threads):
                return correction.applied(figure, self.source)
        return figure

    def _about(self, table: Table) -> str:
        text = f"fitted to {table.networks} measured networks ({self.source}), interval from left-out ones"
        return text if table.coverage is None else f"{text}, of which {table.coverage:.0%} fell inside"


def read_calibration(file: Path) -> Calibration:
    """Read a file that `edgebuild calibrate` wrote.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        raw: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{file}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except ValueError as error:
        raise _broken(file, f"it is no JSON ({error})") from error
    if not isinstance(raw, dict) or set(raw) != _KEYS or raw["schema_version"] != SCHEMA_VERSION:
        raise _broken(file, f"expected the keys {', '.join(sorted(_KEYS))}, and schema_version {SCHEMA_VERSION}")
    try:
        return Calibration(
            raw["device"],
            raw["source"],
            tuple(Table.from_json(table) for table in raw["tables"]),
            tuple(Correction.from_json(correction) for correction in raw["corrections"]),
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise _broken(file, f"a table of it is incomplete ({error})") from error


def _broken(file: Path, why: str) -> ConfigError:
    msg = f"{file} is not a calibration: {why}"
    return ConfigError(msg, remedy="make it again: edgebuild calibrate DEVICE measurements.csv")
