"""Time of an inference from its operations alone, fitted to times that were measured on a device."""
