"""The build graph: stages, keys, store, schedule, explain."""
