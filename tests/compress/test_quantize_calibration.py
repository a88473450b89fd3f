"""Methods of calibration: each does on known values what it says, and its ranges arrive in both kinds of file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.compress.quantize.methods import METHODS
from edgebuild.compress.quantize.post_training import Quantize, run
from edgebuild.config.registries import CENSUSES, FORMATS
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.fakequant.observe import BINS, Statistics
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.qat_workshop import SUFFIX, make
from tests.compress.workshop import Workshop


def statistics(samples: np.ndarray) -> Statistics:
    """Of samples [n, values]."""
    rows = tuple((float(row.min()), float(row.max())) for row in samples)
    return Statistics(rows, np.histogram(samples, BINS, (samples.min(), samples.max()))[0])


def bell(outlier: float) -> Statistics:
    """Normally distributed values, of which one is `outlier`."""
    samples = np.random.default_rng(0).normal(0, 1, (64, 1000))
    samples[7, 0] = outlier
    return statistics(samples)


def ends(method: str, found: Statistics, percentile: float = 99.9) -> tuple[float, float]:
    low, high = METHODS.get(method).range(found, percentile)
    return float(low), float(high)


def test_min_max_takes_everything() -> None:
    assert ends("min_max", bell(50.0))[1] == 50.0


@pytest.mark.parametrize("method", ["moving_average", "percentile", "entropy"])
def test_an_outlier_counts_little(method: str) -> None:
    low, high = ends(method, bell(50.0))
    assert 2 < high < 30
    assert -7 < low < -1.5


def test_percentile_leaves_its_share_out() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (10, 10_000))
    low, high = ends("percentile", statistics(samples), percentile=95.0)
    assert high == pytest.approx(0.9, abs=0.01)
    assert low == pytest.approx(-0.9, abs=0.01)


@pytest.mark.parametrize("method", METHODS.names())
def test_what_is_never_negative_stays_so(method: str) -> None:
    samples = np.maximum(np.random.default_rng(0).normal(0, 1, (16, 1000)), 0)
    assert ends(method, statistics(samples))[0] == pytest.approx(0, abs=1e-9)


def test_mse_has_the_least_error_of_all() -> None:
    samples = np.random.default_rng(1).laplace(0, 1, (16, 4000))
    found = statistics(samples)

    def error(low: float, high: float) -> float:
        step = (high - low) / 255
        return float(np.mean((np.clip(np.rint(samples / step) * step, low, high) - samples) ** 2))

    errors = {method: error(*ends(method, found, 99.99)) for method in METHODS.names()}
    assert min(errors.values()) * 1.05 >= errors["mse"], errors


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make(tmp_path_factory.mktemp("mlp"), "mlp")


def quantized(shop: Workshop, method: str) -> Path:
    context = shop.context(method, None, 1)
    run(context, Quantize.model_validate({"calibration": {"method": method}}))
    return context.output


@pytest.mark.parametrize(("form", "method"), [("tflite", "mse"), ("executorch", "percentile")])
def test_the_ranges_are_in_the_file(shop: Workshop, form: str, method: str) -> None:
    from edgebuild.check.claims.activation_ranges import check

    folder = quantized(shop, method)
    output = shop.root / f"{method}-{form}"
    output.mkdir()
    own = ExportRequest(folder, shop.data, output, shop.root, "int8", "float32", "nchw", {}, 1, Silent())
    FORMATS.get(form).run(own)
    census = CENSUSES.get(SUFFIX[form]).read(output / read_export(output).file)
    claim = next(dict(one) for one in read_record(folder).claims if one["claim"] == "activation_ranges")
    assert check(census, claim).findings == ()
    other = read_record(quantized(shop, "min_max" if form == "tflite" else "entropy"))
    claim = next(dict(one) for one in other.claims if one["claim"] == "activation_ranges")
    assert [finding.code for finding in check(census, claim).findings] == ["activation-ranges"]
