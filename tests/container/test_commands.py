"""`edgebuild pack` and `edgebuild unpack`, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from edgebuild.package.container.decoder import decoder_bytes
from tests.container.conftest import CASES


def edgebuild(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "edgebuild.cli.main", *arguments]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def test_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "plain.bin").write_bytes(CASES["sparse"])
    packed = edgebuild(tmp_path, "pack", "plain.bin", "-o", "model.ebz")
    assert packed.returncode == 0, packed.stderr
    assert packed.stdout.startswith("model.ebz: ")
    assert "times smaller than plain.bin (2.344 KiB)" in packed.stdout
    unpacked = edgebuild(tmp_path, "unpack", "model.ebz", "-o", "back.bin")
    assert unpacked.returncode == 0, unpacked.stderr
    assert (tmp_path / "back.bin").read_bytes() == CASES["sparse"]
    facts = json.loads(edgebuild(tmp_path, "pack", "plain.bin", "--json").stdout)
    assert facts["container"] == "plain.ebz"
    assert facts["decoder_size"] == decoder_bytes()
    assert facts["ship_size"] == (tmp_path / "plain.ebz").stat().st_size < facts["file_size"] == len(CASES["sparse"])


def test_what_is_damaged_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "plain.bin").write_bytes(CASES["text"])
    edgebuild(tmp_path, "pack", "plain.bin")
    container = tmp_path / "plain.ebz"
    container.write_bytes(container.read_bytes()[:-20])
    (tmp_path / "back.bin").write_bytes(b"old")
    done = edgebuild(tmp_path, "unpack", "plain.ebz", "-o", "back.bin")
    assert done.returncode == 2
    assert done.stderr.startswith("error: plain.ebz is damaged: what it unpacks to has another SHA-256")
    assert (tmp_path / "back.bin").read_bytes() == b"old"
    missing = edgebuild(tmp_path, "pack", "plain.bin", "-o", "none/model.ebz")
    assert missing.returncode == 2
    assert "none/model.ebz: cannot be written" in missing.stderr
