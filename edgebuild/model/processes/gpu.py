"""Whether PyTorch would find a GPU here, without the seconds that asking PyTorch takes."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path


@functools.cache
def has_gpu() -> bool:
    """True where the installed PyTorch is built for CUDA and the driver counts a device."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None or not list(Path(spec.origin).parent.glob("lib/*torch_cuda*")):
        return False
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    return False
