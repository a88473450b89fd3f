"""An exported file on a Linux board, emulated or real: its outputs, and what it costs there."""
