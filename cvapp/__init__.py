"""cvapp takes photos to a proven model on a device."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from cvapp.loading import load

        return load
    raise AttributeError(f"module 'cvapp' has no attribute {name!r}")
