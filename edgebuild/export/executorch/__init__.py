"""ExecuTorch: PyTorch to .pte."""
