"""edgebuild: `make` for edge models."""

__version__ = "0.1.0"
