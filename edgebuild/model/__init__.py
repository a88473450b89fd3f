"""Loading a model and its data; the training loop; evaluation; counting MACs and parameters."""
