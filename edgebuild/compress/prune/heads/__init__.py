"""Attention heads as units that can be cut."""
