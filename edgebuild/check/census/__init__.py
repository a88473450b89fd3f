"""Readers of exported files, one file type each."""
