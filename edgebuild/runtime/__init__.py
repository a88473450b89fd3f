"""Runtimes that load and run an exported file on this host."""
