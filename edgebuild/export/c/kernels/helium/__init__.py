"""Kernels for cores with Helium (Cortex-M55): vectors of 16 bytes."""
