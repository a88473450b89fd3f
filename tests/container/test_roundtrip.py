"""What is packed comes back byte for byte, is small where it can be, and is refused where it is damaged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from edgebuild.errors import ConfigError
from edgebuild.package.container.arithmetic import Decoder, Encoder
from edgebuild.package.container.pack import _code, _ways, pack_file, unpack
from edgebuild.package.container.predict import SQUASH, STRETCH
from edgebuild.package.container.regions import Region
from edgebuild.package.container.spans import Coding, Span, read_head
from tests.container.conftest import sparse


def test_every_file_comes_back(plain: Path) -> None:
    container = pack_file(plain)
    assert unpack(container) == plain.read_bytes()
    assert pack_file(plain) == container
    head, _ = read_head(container, "x")
    assert head.sha256 == hashlib.sha256(plain.read_bytes()).digest()
    assert len(container) < 1.03 * plain.stat().st_size + 64


@pytest.mark.parametrize("seed", range(3))
def test_bits_of_any_probability_come_back(seed: int) -> None:
    """Also the rarest ones, whose carry runs through many bytes."""
    random = np.random.default_rng(seed)
    chances = [int(one) for one in random.choice([1, 7, 300, 32768, 65000, 65535], 20_000)]
    bits = [int(random.integers(65536) < one) for one in chances]
    encoder = Encoder()
    for one, bit in zip(chances, bits, strict=True):
        encoder.code(one, bit)
    decoder = Decoder(encoder.finish())
    assert [decoder.code(one, 0) for one in chances] == bits


def test_the_code_is_as_long_as_the_probabilities_say() -> None:
    random = np.random.default_rng(0)
    bits: np.ndarray = random.random(50_000) < 0.03
    encoder = Encoder()
    for bit in bits:
        encoder.code(round(0.03 * 65536), int(bit))
    ideal = -(bits.sum() * np.log2(0.03) + (~bits).sum() * np.log2(0.97)) / 8
    assert len(encoder.finish()) == pytest.approx(ideal, rel=0.002)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("stride", [0, 80])
def test_numbers_of_a_small_alphabet(width: int, stride: int) -> None:
    """Shorter than any code of one number at a time (the entropy of their frequencies)."""
    tensor = sparse(100, 80, width)
    (span,) = [
        way
        for way in _ways(tensor, Region(0, len(tensor), width, (80,)))
        if way.coding == Coding.SYMBOLS and way.stride == stride
    ]
    encoder = Encoder()
    _code(encoder, [span], 12, bytearray(tensor))
    restored = bytearray(len(tensor))
    _code(Decoder(encoder.finish()), [span], 12, restored)
    assert restored == tensor
    counts = np.unique(np.frombuffer(tensor, f"<u{width}"), return_counts=True)[1]
    entropy = -(counts * np.log2(counts / counts.sum())).sum() / 8
    if stride:  # what columns have in common is worth more than all that is to be learned
        assert len(encoder.finish()) < entropy
    assert len(encoder.finish()) < 1.1 * entropy


def test_planes_of_wide_numbers() -> None:
    tensor = np.random.default_rng(0).normal(size=3000).astype("<f4").tobytes()
    span = Span(Coding.PLANES, 3000, 4)
    encoder = Encoder()
    _code(encoder, [span], 12, bytearray(tensor))
    restored = bytearray(len(tensor))
    _code(Decoder(encoder.finish()), [span], 12, restored)
    assert restored == tensor
    assert len(encoder.finish()) < 0.95 * len(tensor)  # signs and exponents; the rest is noise


def test_squash_and_stretch_are_inverse() -> None:
    assert list(STRETCH) == sorted(STRETCH)
    assert all(abs((SQUASH[STRETCH[chance] + 2047] >> 4) - chance) <= 40 for chance in range(2, 4094))


def test_damage_is_found(tmp_path: Path) -> None:
    """Whichever byte is another one, and wherever it ends early."""
    file = tmp_path / "plain.bin"
    file.write_bytes(sparse(10, 20, 1) + b"some text of a head, some text of a head")
    container = pack_file(file)
    random = np.random.default_rng(0)
    for place in range(len(container)):
        broken = bytearray(container)
        broken[place] ^= 1 << int(random.integers(8))
        if place in range(8, 12):
            continue  # the CRC-32, which is for the decoder in C
        with pytest.raises(ConfigError):
            unpack(bytes(broken))
    for length in range(0, len(container), 3):
        with pytest.raises(ConfigError):
            unpack(container[:length])


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model.ebz is not a container: found b'PK\\x03', expected b'EBZ'"):
        unpack(b"PK\x03\x04 and so on", "model.ebz")
    file = tmp_path / "plain.bin"
    file.write_bytes(b"plain")
    container = pack_file(file)
    with pytest.raises(ConfigError, match="is a container of version 9; this edgebuild reads version 1"):
        unpack(container[:3] + b"\x09" + container[4:])
    with pytest.raises(ConfigError, match=r"is damaged: it ends after 20 bytes, in its head"):
        unpack(container[:20])
    with pytest.raises(ConfigError, match="is damaged: what it unpacks to has another SHA-256"):
        unpack(container[:-1] + bytes([container[-1] ^ 0x55]))
    with pytest.raises(ConfigError, match=r"missing\.bin: cannot be read"):
        pack_file(tmp_path / "missing.bin")
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(ConfigError, match="has 0 bytes, expected 1 to"):
        pack_file(tmp_path / "empty.bin")
