"""The registry of what `prune` can do besides cutting channels."""

from __future__ import annotations

from edgebuild.compress.step import StepMethod
from edgebuild.registry import Registry

PRUNE_KINDS: Registry[StepMethod] = Registry("kind of prune", "edgebuild.compress.prune.weights")
"""value of `kind` -> the method with its own table"""
