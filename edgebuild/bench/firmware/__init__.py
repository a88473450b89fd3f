"""Firmware for an emulated microcontroller: a compiled model, a start, a watched stack, and a count of everything."""
