"""Checkers of claims, one file each: what a plan step says it changed, looked up in the exported file."""
