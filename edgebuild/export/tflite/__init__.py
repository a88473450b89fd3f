"""LiteRT: PyTorch to .tflite."""
