"""Energy of an inference: what a power meter saw of a long loop, less what the device draws anyway."""
