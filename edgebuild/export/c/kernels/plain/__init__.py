"""Kernels in plain C99, for any core; every operation has one here."""
