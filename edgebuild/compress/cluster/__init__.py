"""The plan step `cluster`: weights share the values of a codebook."""
