"""The kinds of pruning that set single weights to zero: `unstructured` and `n_m`."""
