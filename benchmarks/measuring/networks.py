"""The networks of published times on Arm boards, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from measuring.larger_nets import EfficientDetLite0, inception_v3
from measuring.mobile_nets import (
    Build,
    SsdLite,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3_large,
    mobilenet_v3_small,
)

NETWORKS: Mapping[str, tuple[Build, int]] = MappingProxyType(
    {
        "mobilenet-v1": (mobilenet_v1, 224),
        "mobilenet-v1-192": (lambda: mobilenet_v1(side=192), 192),
        "mobilenet-v1-0.75": (lambda: mobilenet_v1(0.75), 224),
        "mobilenet-v1-0.5-160": (lambda: mobilenet_v1(0.5, 160), 160),
        "mobilenet-v1-0.25-128": (lambda: mobilenet_v1(0.25, 128), 128),
        "mobilenet-v2": (mobilenet_v2, 224),
        "mobilenet-v3-large": (mobilenet_v3_large, 224),
        "mobilenet-v3-small": (mobilenet_v3_small, 224),
        "ssdlite-mobilenet-v2": (SsdLite, 300),
        "inception-v3": (inception_v3, 299),
        "efficientdet-lite0": (EfficientDetLite0, 320),
    }
)
"""Name -> how it is built, and the side of its picture."""
DETECTORS = ("ssdlite-mobilenet-v2", "efficientdet-lite0")
"""Those that end with a post-processing of boxes."""
