"""The data folder: every form a data function may return, and every mistake in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.errors import ConfigError
from edgebuild.model.data import load_training, make_data_folder
from edgebuild.model.data_folder import read_inputs, read_summary, read_targets
from edgebuild.progress import Silent

HEAD = "import numpy as np\nx = np.arange(40, dtype='float32').reshape(10, 1, 2, 2)\ny = np.arange(10) % 3\n"


def project(root: Path, body: str) -> dict[str, Any]:
    """A project folder whose data.py returns the expression `body` of arrays x [10, 1, 2, 2] and y [10]."""
    (root / "data.py").write_text(f"{HEAD}def load():\n    return {body}\n")
    return {"function": "data:load"}


def make(source: Mapping[str, Any], root: Path, seed: int = 0, **options: Any) -> Path:
    output = root / f"out{len(list(root.glob('out*')))}"
    output.mkdir()
    make_data_folder(source, root, output, seed, Silent(), **options)
    return output


def error_of(source: Mapping[str, Any], root: Path, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make(source, root, **options)
    return caught.value.message


GOOD = "{'train': (x, y), 'validation': (x[:4], y[:4])}"


def test_arrays_become_files_with_names_shapes_and_lengths(tmp_path: Path) -> None:
    source = {**project(tmp_path, GOOD), "classes": ["a", "b", "c"]}
    folder = make(source, tmp_path, input_names=("image",), calibration_samples=3)
    summary = read_summary(folder)
    assert summary.lengths == {"train": 10, "validation": 4, "calibration": 3}
    assert summary.classes == ("a", "b", "c")
    assert [(spec.name, spec.shape, spec.dtype) for spec in summary.inputs] == [("image", (1, 2, 2), "float32")]
    assert read_inputs(folder, "validation")["image"].tolist() == np.arange(16.0).reshape(4, 1, 2, 2).tolist()
    assert read_targets(folder).tolist() == [0, 1, 2, 0]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_calibration(tmp_path: Path) -> None:
    source = project(tmp_path, GOOD)
    first, again, other = (make(source, tmp_path, seed, calibration_samples=3) for seed in (1, 1, 2))
    for file in first.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()
    assert read_inputs(first, "calibration")["input"].tolist() != read_inputs(other, "calibration")["input"].tolist()


def test_normalisation_is_applied_and_recorded(tmp_path: Path) -> None:
    body = "{'train': (x.astype('uint8'), y), 'validation': (x[:4].astype('uint8'), y[:4])}"
    source = {**project(tmp_path, body), "normalization": {"scale": 0.5, "mean": [1.0], "std": [2.0]}}
    folder = make(source, tmp_path)
    assert read_inputs(folder, "validation")["input"][1].ravel().tolist() == [0.5, 0.75, 1.0, 1.25]
    spec = read_summary(folder).inputs[0]
    assert (spec.scale, spec.mean, spec.std, spec.dtype) == (0.5, (1.0,), (2.0,), "float32")


def test_a_torch_dataset_is_read_sample_by_sample(tmp_path: Path) -> None:
    text = (
        "import torch\nclass Set(torch.utils.data.Dataset):\n    def __len__(self):\n        return 5\n"
        "    def __getitem__(self, i):\n        return torch.full((2,), float(i)), i % 2\n"
        "def load():\n    return {'train': Set(), 'validation': Set(), 'calibration': [torch.zeros(2)] * 3}\n"
    )
    (tmp_path / "data.py").write_text(text)
    folder = make({"function": "data:load"}, tmp_path)
    assert read_inputs(folder, "validation")["input"].tolist() == [[float(i)] * 2 for i in range(5)]
    assert read_summary(folder).lengths["calibration"] == 3
    inputs, targets = load_training({"function": "data:load"}, tmp_path, 0).stack([4, 1])
    assert inputs["input"].tolist() == [[4.0, 4.0], [1.0, 1.0]]
    assert targets is not None
    assert targets.tolist() == [0, 1]


def test_several_inputs_go_by_name_or_by_position(tmp_path: Path) -> None:
    by_name = "{'train': ({'b': x, 'a': y}, y), 'validation': ({'a': y, 'b': x}, y)}"
    assert list(read_inputs(make(project(tmp_path, by_name), tmp_path), "validation")) == ["b", "a"]
    ordered = make(project(tmp_path, by_name), tmp_path, input_names=("a", "b"))
    assert list(read_inputs(ordered, "validation")) == ["a", "b"]
    other = tmp_path / "other"
    other.mkdir()
    by_position = project(other, "{'train': ((x, y), y), 'validation': ((x, y), y)}")
    assert list(read_inputs(make(by_position, other), "validation")) == ["input_0", "input_1"]


def test_the_seed_reaches_a_function_that_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        f"{HEAD}def load(seed):\n    return {{'train': (x + seed, y), 'validation': (x, y)}}\n"
    )
    assert load_training({"function": "data:load"}, tmp_path, 7).stack([0])[0]["input"].ravel()[0] == 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{'train': (x, y)}", "data: found no 'validation' split, expected one"),
        ("{'train': (x[:0], y[:0]), 'validation': (x, y)}", "train data: found 0 samples, expected at least one"),
        (
            "{'train': (x, y[:7]), 'validation': (x, y)}",
            "train data: x has 10, y has 7 samples; expected the same number",
        ),
        (
            "{'train': (x, y), 'validation': (np.where(x == 21, np.nan, x), y)}",
            "validation data: input has NaN or infinite values, first in sample 5",
        ),
        (
            "{'train': (x, y), 'validation': (x[:, :, :1], y)}",
            "train data: input is float32 (1, 2, 2), expected float32 (1, 1, 2) as in the validation split",
        ),
        ("[x, y]", "'data:load' returned a list, expected a mapping with train and validation"),
        (
            "{'train': (x, y), 'validatoin': (x, y)}",
            (
                "'data:load' returned the unknown key 'validatoin'; did you mean 'validation'? "
                "Expected train, validation, calibration, classes"
            ),
        ),
        ("{'train': x, 'validation': (x, y)}", "train data: found inputs without targets, expected a pair (x, y)"),
        (
            "{'train': (x, y), 'validation': (x, y.astype(str))}",
            "validation data: target has dtype <U21, expected numbers",
        ),
        (
            "{'train': (x, y), 'validation': (x, y), 'classes': ['a', 'b']}",
            "validation data: found labels from 0 to 2, expected 0 to 1 (2 classes)",
        ),
    ],
)
def test_each_mistake_says_what_was_found_and_expected(body: str, message: str, tmp_path: Path) -> None:
    assert error_of(project(tmp_path, body), tmp_path) == message


def test_a_dataset_that_raises_is_blamed_at_its_line(tmp_path: Path) -> None:
    text = (
        "class Set:\n    def __len__(self):\n        return 5\n"
        "    def __getitem__(self, i):\n        return [1.0][i], 0\n"
        "def load():\n    return {'train': Set(), 'validation': Set()}\n"
    )
    (tmp_path / "data.py").write_text(text)
    assert error_of({"function": "data:load"}, tmp_path) == (
        "validation data: reading a sample failed at data.py:5: IndexError: list index out of range"
    )


def test_normalisation_of_another_channel_count_is_refused(tmp_path: Path) -> None:
    source = {**project(tmp_path, GOOD), "normalization": {"mean": [1.0, 2.0, 3.0]}}
    assert error_of(source, tmp_path) == (
        "data.normalization.mean: found 3 values for samples of shape (1, 2, 2), expected one, or one per channel (1)"
    )


def test_named_inputs_that_the_data_does_not_have_are_refused(tmp_path: Path) -> None:
    source = project(tmp_path, "{'train': ({'a': x}, y), 'validation': ({'a': x}, y)}")
    assert error_of(source, tmp_path, input_names=("b",)) == "train data: found inputs a, but the project names b"
