"""What this machine has, and what a build needs of it."""
