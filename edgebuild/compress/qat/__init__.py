"""The plan step `qat`: training in numbers that are rounded as the integers of the exported file."""
