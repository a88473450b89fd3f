"""A model that computes with numbers rounded as the integers of its exported file: where, in what steps, and how."""
