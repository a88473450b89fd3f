"""Writing a run's report: a folder that appears whole or not at all, and is reused when nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgebuild.errors import StoreError, ToolError
from edgebuild.report.facts import RunFacts

PLOTLY = "plotly.min.js"
LATEST = "latest"
ABANDONED_SECONDS = 3600
_TIMES = frozenset({"seconds", "started", "stages", "command", "id"})
"""Keys of facts that differ between two builds of the same thing: when, how long, what came from the cache."""


def write_report(facts: RunFacts, reports_dir: Path) -> Path:
    """Write index.html, report.json, report.md, junit.xml and headline.svg into `reports_dir/<run id>`.

    When the newest report there says the same, apart from times, nothing is written and its folder is returned.
    `reports_dir/latest` always points to the returned folder. The run id in `facts` is replaced.

    Raises:
        StoreError: the folder cannot be written.
        ToolError: plotly is not installed.
    """
    digest = facts_digest(facts)
    try:
        newest = newest_report(reports_dir)
        if newest is not None and newest.name.endswith(f"-{digest[:8]}"):
            _point_latest(reports_dir, newest.name)
            return newest
        return _write_new(facts, reports_dir, digest)
    except OSError as error:
        msg = f"cannot write a report to {reports_dir}: {error.strerror or error}"
        raise StoreError(msg, remedy="make room there, or allow writing") from error


def facts_digest(facts: RunFacts) -> str:
    """Return the SHA-256 (hex) of the facts that are not time."""
    text = json.dumps(_timeless(facts.to_json()), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def newest_report(reports_dir: Path) -> Path | None:
    """Return the folder of the newest whole report; None where there is none.

    `latest` says which it is; where that link is gone, the names do, to the second.
    """
    latest = reports_dir / "latest"
    if (latest / "report.json").is_file():
        return reports_dir / latest.resolve().name
    whole = sorted(path.parent for path in reports_dir.glob("[0-9]*-*/report.json"))
    return whole[-1] if whole else None


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    # 3 and 3.0 are the same figure, whichever a reader of JSON made of it.
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _write_new(facts: RunFacts, reports_dir: Path, digest: str) -> Path:
    from edgebuild.report.junit import render_junit
    from edgebuild.report.markdown import render_markdown
    from edgebuild.report.page import render_page
    from edgebuild.report.picture import headline_svg

    started = datetime.fromisoformat(facts.run.started).astimezone(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{digest[:8]}"
    named = replace(facts, run=replace(facts.run, id=run_id))
    reports_dir.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(reports_dir)
    library = _shared_plotly(reports_dir)
    temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=reports_dir))
    try:
        assets = temporary / "assets"
        assets.mkdir()
        _link(library, assets / PLOTLY)
        files = {
            "index.html": render_page(named, f"assets/{PLOTLY}"),
            "report.json": json.dumps(named.to_json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n",
            "report.md": render_markdown(named),
            "junit.xml": render_junit(named),
            "headline.svg": headline_svg(named),
        }
        for name, text in files.items():
            (temporary / name).write_text(text, encoding="utf-8")
        temporary.chmod(0o755)
        final = reports_dir / run_id
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _point_latest(reports_dir, run_id)
    return final


def _remove_abandoned(reports_dir: Path) -> None:
    """Remove what a killed build left half-written; an hour is far longer than a report takes."""
    for folder in reports_dir.glob(".writing-*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _shared_plotly(reports_dir: Path) -> Path:
    """Return the copy of plotly.min.js that all reports of the folder share; made on first use."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        msg = "plotly is not installed; the report's plots need it"
        raise ToolError(msg, remedy="pip install plotly")
    source = Path(spec.origin).parent / "package_data" / PLOTLY
    shared = reports_dir / ".assets" / f"plotly-{source.stat().st_size}.min.js"
    if not shared.exists():
        shared.parent.mkdir(exist_ok=True)
        temporary = shared.with_name(f".{os.getpid()}-{shared.name}")
        shutil.copyfile(source, temporary)
        temporary.replace(shared)
    return shared


def _link(source: Path, target: Path) -> None:
    """Give each report its own copy at no cost where the file system has hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _point_latest(reports_dir: Path, run_id: str) -> None:
    link = reports_dir / LATEST
    if link.is_symlink() and link.readlink() == Path(run_id):
        return
    temporary = reports_dir / f".latest-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(run_id, target_is_directory=True)
    temporary.replace(link)
