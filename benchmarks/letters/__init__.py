"""The network of `benchmarks/compression.py`, its data, the ways to compress it, and other tools on the same."""
