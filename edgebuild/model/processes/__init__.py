"""Training in several processes: who takes part, what they exchange, and the others' side."""
