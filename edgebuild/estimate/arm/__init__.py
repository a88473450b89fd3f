"""How long 64-bit Arm boards take for a program, from the instructions that an emulator counted."""
