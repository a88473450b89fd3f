"""The table `finetune:` of pruning: training after a cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from edgebuild.compress.finetune import FineTune
from edgebuild.config.wording import BadValueError
from edgebuild.errors import ConfigError

_REPLAYED = ("learning_rate", "schedule", "warmup_epochs")


class FineTuneCuts(FineTune):
    """Training after a cut, with the built-in loop; what is not given is as in the project's `train:`."""

    epochs: int = Field(default=5, ge=0, description="passes over the training split after the last cut; 0: none")
    between: int = Field(default=1, ge=0, description="passes after each cut before the last one")
    rewind: Literal["none", "learning_rate"] = Field(
        default="none",
        description="learning_rate: each training replays as many of the last epochs of the learning rate in the "
        "project's `train:`; none: it starts at its peak",
    )

    @model_validator(mode="after")
    def _replays_one_rate(self) -> FineTuneCuts:
        own = [key for key in _REPLAYED if getattr(self, key) is not None]
        if self.rewind == "learning_rate" and own:
            msg = "rewind: learning_rate replays that of the project's `train:`; leave one out"
            raise BadValueError(msg, key=own[0])
        return self

    def past_epochs(self, train: Mapping[str, Any] | None, epochs: int) -> int:
        """Epochs of the project's learning rate that a training of `epochs` leaves out, as it replays the last ones.

        Learning rate rewinding (Renda, Frankle, Carbin, Comparing Rewinding and Fine-tuning in Neural Network Pruning,
        ICLR 2020, section 2).

        Raises:
            ConfigError: the project's training had no such learning rate, or fewer epochs.
        """
        if self.rewind == "none":
            return 0
        if train is None or train.get("function") is not None:
            found = "no `train:`" if train is None else f"a function of its own ({train['function']})"
            msg = f"finetune.rewind: the project has {found}, so there is no learning rate to replay"
            raise ConfigError(msg, remedy="say how the model was trained in train:, or leave out rewind")
        original = int(train["epochs"])
        if epochs > original:
            msg = f"finetune.rewind: {epochs} epochs asked, but train: has {original} whose learning rate is replayed"
            raise ConfigError(msg, remedy=f"train at most {original} epochs after a cut, or leave out rewind")
        return original - epochs
