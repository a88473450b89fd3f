"""Output that never stops a command: the reader may have gone away, the terminal may not know a `✓`."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata

_NEAREST = "edgebuild-nearest"
_LOOKALIKES = {"✓": "+", "✗": "x", "×": "x", "…": "...", "–": "-", "—": "-", "█": "#", "→": "->", "µ": "u"}


class _LastingStream(io.TextIOWrapper):
    """A text stream that goes on into nothing when its reader is gone (`edgebuild build | head -1`)."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            self._write_into_nothing()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._write_into_nothing()

    def _write_into_nothing(self) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())
        os.close(nothing)


def settle_streams() -> None:
    """Make stdout and stderr lasting, and let them write the nearest ASCII for what their encoding does not have.

    Streams that somebody put in the place of the process's own are left alone.
    """
    codecs.register_error(_NEAREST, _nearest)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or type(stream) is not io.TextIOWrapper:
            continue
        encoding, buffering = stream.encoding, stream.line_buffering
        lasting = _LastingStream(stream.detach(), encoding=encoding, errors=_NEAREST, line_buffering=buffering)
        setattr(sys, name, lasting)
        setattr(sys, f"__{name}__", lasting)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_nearest_to(character) for character in error.object[error.start : error.end]), error.end


def _nearest_to(character: str) -> str:
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"
