"""The measuring protocol and its statistics."""
