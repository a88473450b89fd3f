"""Finding and reading reports that were written before."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from edgebuild.errors import ConfigError
from edgebuild.report.facts import RunFacts
from edgebuild.report.write import LATEST


def find_report(run: str | None, reports_dir: Path) -> Path:
    """Return the folder of a report.

    Args:
        reports_dir: where runs are looked for.
        run: a run id or the beginning of one, a folder, a path of a report.json, or None for the latest.

    Raises:
        ConfigError: there is no such report, or the beginning fits several.
    """
    known = sorted(path.parent.name for path in reports_dir.glob("[0-9]*/report.json"))
    if run is None or run == LATEST:
        if not known:
            msg = f"no report in {reports_dir}"
            raise ConfigError(msg, remedy="make one with: edgebuild build")
        link = reports_dir / LATEST
        return link.resolve() if (link / "report.json").is_file() else reports_dir / known[-1]
    given = Path(run)
    if given.name == "report.json" and given.is_file():
        return given.parent
    if (given / "report.json").is_file():
        return given
    fitting = [name for name in known if name == run] or [name for name in known if name.startswith(run)]
    if len(fitting) == 1:
        return reports_dir / fitting[0]
    if fitting:
        msg = f"{run!r} is the beginning of {len(fitting)} reports: {', '.join(fitting)}"
        raise ConfigError(msg, remedy="give more of the run id")
    near = difflib.get_close_matches(run, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    msg = f"no report {run!r} in {reports_dir}{hint} Known: {', '.join(known) or 'none'}"
    raise ConfigError(msg)


def read_report(folder: Path) -> RunFacts:
    """Read report.json of a report's folder.

    Raises:
        ConfigError: it is missing, not JSON, or of another schema.
    """
    path = folder / "report.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise ConfigError(msg) from error
    except ValueError as error:
        msg = f"{path} is not JSON: {error}"
        raise ConfigError(msg) from error
    return RunFacts.from_json(raw)
