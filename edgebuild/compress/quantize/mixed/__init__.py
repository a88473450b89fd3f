"""Mixed precision: which layers get the finer type, by how much each disturbs the outputs without it."""
