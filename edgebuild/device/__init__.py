"""Transports to devices, one file each."""
