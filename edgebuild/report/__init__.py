"""Ledger and figures to JSON, HTML, Markdown and JUnit."""
