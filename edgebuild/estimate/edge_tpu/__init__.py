"""What a model costs on an Edge TPU, estimated: memory for its parameters, time and energy of an inference."""
