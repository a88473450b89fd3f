"""Training that pulls weights towards the steps that quantization will round them to."""
