"""The plan step `factorize`: a layer becomes several smaller ones in a row."""
