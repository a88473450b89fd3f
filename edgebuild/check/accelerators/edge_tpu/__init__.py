"""What the Edge TPU compiler, version 16, would say of a .tflite file; estimated, the compiler itself is not asked."""
