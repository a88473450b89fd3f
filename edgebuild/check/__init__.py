"""Census of an exported file, effects, parity between runtimes."""
