"""Compression steps, one method a file."""
