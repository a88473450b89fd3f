"""The plan step `prune`: whole channels are cut out of the model."""
