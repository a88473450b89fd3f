"""Quantization steps."""
