"""Training that makes channels small before they are cut."""
