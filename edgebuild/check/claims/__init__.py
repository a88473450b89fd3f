"""Checkers of what plan steps claim, one claim a file."""
