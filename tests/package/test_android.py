"""The Android layout; the Kotlin lines are checked for what they must name, not compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.errors import ConfigError
from edgebuild.export.format import IoSpec
from tests.package.exports import pack, pte_export


def test_the_assets_lie_where_the_app_build_looks_for_them(tmp_path: Path) -> None:
    package = pack("android", pte_export(tmp_path / "export"), tmp_path / "package")
    found = sorted(path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file())
    assets = "src/main/assets"
    assert found == ["README.md", f"{assets}/labels.txt", f"{assets}/manifest.json", f"{assets}/model.pte"]


def test_the_readme_names_the_library_and_feeds_each_input_with_its_type_and_shape(tmp_path: Path) -> None:
    export = pte_export(
        tmp_path / "export",
        IoSpec("left eye", (1, 3, 32, 32), "float32"),
        IoSpec("mask", (1, 9), "uint8", scale=0.5, zero_point=3),
    )
    text = (pack("android", export, tmp_path / "package") / "README.md").read_text()
    assert 'implementation("org.pytorch:executorch-android:1.5.1")' in text
    assert "fun run(left_eye: FloatArray, mask: ByteArray): List<Tensor>" in text
    assert "EValue.from(Tensor.fromBlob(left_eye, longArrayOf(1L, 3L, 32L, 32L)))" in text
    assert "EValue.from(Tensor.fromBlobUnsigned(mask, longArrayOf(1L, 9L)))" in text
    assert "| input | `mask` | uint8 | 1 x 9 | nchw | real = (stored - 3) * 0.5 |" in text
    assert "${" not in text


def test_the_readme_says_that_nobody_compiled_it(tmp_path: Path) -> None:
    text = (pack("android", pte_export(tmp_path / "export"), tmp_path / "package") / "README.md").read_text()
    assert "**not compiled and not run on a phone**" in text


def test_an_input_type_that_the_binding_has_no_array_for_is_refused(tmp_path: Path) -> None:
    export = pte_export(tmp_path / "export", IoSpec("image", (1, 4), "float16"))
    with pytest.raises(ConfigError, match="input 'image' is float16"):
        pack("android", export, tmp_path / "package")
