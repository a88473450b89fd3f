"""Facts about what each runtime and compiler accepts, and the oldest version that an exported file needs."""
