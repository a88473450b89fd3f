"""Distillation: a loss that any training of a plan can use, and the plan step `distil`."""
