"""Firmware for an emulated microcontroller: a compiled model with a start, a stack that is watched, and a count of everything."""
