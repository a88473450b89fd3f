"""What the benchmark programs share: a fresh project, a measured process tree, results on paper."""
