"""Export formats, one folder a format."""
