"""What other ways of learning make of the same times, from as many networks and from many more.

Those of scikit-learn with the settings that they come with, on the logarithm of the time; they see the amounts of the
network (`edgebuild.estimate.predictor.amounts`) and each edge of its cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from edgebuild.estimate.predictor.table import Amounts, cost_of, fit_costs
from measuring.nas_bench_201 import edges_of

SIZES = (40, 240)
DRAWS = 5
OURS = "edgebuild"


def _boosting() -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(random_state=0)


def _trees() -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(300, random_state=0)


def _process() -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel

    return GaussianProcessRegressor(DotProduct() + RBF(5.0) + WhiteKernel(0.01), normalize_y=True, random_state=0)


def _ridge() -> Any:
    from sklearn.linear_model import RidgeCV

    return RidgeCV(np.logspace(-3, 3, 13))


OTHERS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {"gradient boosting": _boosting, "extremely random trees": _trees, "Gaussian process": _process, "ridge": _ridge}
)


def within_10(amounts: Sequence[Amounts], cells: Sequence[str], times: np.ndarray) -> list[list[str | float | None]]:
    """Rows (way, % within 10 % from 40 networks, from 240) of networks that were left, means of draws by seed."""
    seen = _features(amounts, cells)
    found: dict[str, list[list[float]]] = {name: [[] for _ in SIZES] for name in (OURS, *OTHERS)}
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(times))
        for place, size in enumerate(SIZES):
            chosen, others = order[:size], order[size:]
            costs = fit_costs([amounts[one] for one in chosen], [float(times[one]) for one in chosen])
            ours = np.array([cost_of(amounts[one], costs) for one in others])
            found[OURS][place].append(_share(ours, times[others]))
            for name, make in OTHERS.items():
                model = make().fit(seen[chosen], np.log(times[chosen]))
                found[name][place].append(_share(np.exp(model.predict(seen[others])), times[others]))
    return [[name, *(100 * float(np.mean(shares)) for shares in columns)] for name, columns in found.items()]


def _share(estimates: np.ndarray, times: np.ndarray) -> float:
    return float(np.mean(np.abs(estimates / times - 1) <= 0.10))


def _features(amounts: Sequence[Amounts], cells: Sequence[str]) -> np.ndarray:
    """[networks, features], each scaled to a deviation of one."""
    names = sorted({name for row in amounts for name in row})
    kinds = sorted({edge for cell in cells for edge in edges_of(cell)})
    rows = [
        [*(row.get(name, 0.0) for name in names), *(edge in edges_of(cell) for edge in kinds)]
        for row, cell in zip(amounts, cells, strict=True)
    ]
    table = np.array(rows, float)
    deviation = table.std(axis=0)
    scaled: np.ndarray = (table - table.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return scaled
