"""Latency, memory and energy models, each with its interval."""
