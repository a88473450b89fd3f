"""The compiler for microcontrollers: one full-integer .tflite in, one self-contained C99 library out.

The stages, one module each, in the order in which `compile.py` runs them:

| stage | module | gives |
|---|---|---|
| read | `read.py` | the file as a typed graph (`graph.py`) |
| legalise | `legalise.py` | a graph without views and with padding and clamps folded |
| choose | `choose.py` | one kernel (`kernel.py`, `kernels/`) for every layer, by what the core has (`cores.py`) |
| plan | `memory.py` | an offset in the arena for every buffer |
| emit | `emit.py`, `header.py`, `project.py` | model.c, model.h, CMakeLists.txt and an example main |
"""
