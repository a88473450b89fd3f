"""What Arm's Ethos-U makes of a .tflite file, as its compiler Vela says."""
