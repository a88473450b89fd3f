"""The decoder in C restores what the one in Python does, and stays in its buffers whatever it is given."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgebuild.package.container.decoder import DECODER, NATIVE
from edgebuild.package.container.pack import pack_file
from tests.container.conftest import sparse

CODE_BYTES = 3072
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")

FUZZ = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unpack.h"

/* fuzz CONTAINER ROUNDS: damaged copies of a container, in buffers of exactly the size that is asked for. */
int main(int count, char **arguments) {
    FILE *file = fopen(arguments[1], "rb");
    static uint8_t whole[1 << 16];
    size_t length = fread(whole, 1, sizeof whole, file);
    unsigned long state = 1, refused = 0, rounds = strtoul(arguments[2], NULL, 10);
    (void)count;
    for (unsigned long round = 0; round < rounds; round++) {
        size_t cut = length;
        state = state * 6364136223846793005UL + 1442695040888963407UL;
        if (round % 4 == 0) cut = (state >> 33) % (length + 1);
        uint8_t *copy = malloc(cut + !cut);
        memcpy(copy, whole, cut);
        for (unsigned long change = 0; cut && change < 1 + round % 3; change++) {
            state = state * 6364136223846793005UL + 1442695040888963407UL;
            size_t at = (state >> 33) % (round % 2 && cut > 64 ? 64 : cut); /* half of them in the head */
            if (at >= 4 && at < 8) continue; /* another size is another buffer */
            copy[at] = (uint8_t)(state >> 20);
        }
        int32_t size = ebz_size(copy, cut), needed = ebz_work_size(copy, cut);
        if (size >= 0 && needed >= 0) {
            uint8_t *out = malloc((size_t)size + !size);
            void *work = malloc((size_t)needed);
            refused += ebz_unpack(copy, cut, out, (size_t)size, work, (size_t)needed) < 0;
            if (ebz_unpack(copy, cut, out, (size_t)size - (size > 0), work, (size_t)needed) >= 0 && size > 0) return 1;
            if (ebz_unpack(copy, cut, out, (size_t)size, work, (size_t)needed - 1) >= 0) return 1;
            free(out);
            free(work);
        } else {
            refused++;
        }
        free(copy);
    }
    fclose(file);
    printf("%lu\\n", refused);
    return 0;
}
"""

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, compiled as for a small device."""
    program = tmp_path_factory.mktemp("native") / "unpack"
    subprocess.run(["gcc", *STRICT, "-Os", DECODER, NATIVE / "command.c", "-o", program], check=True)
    return program


def test_it_restores_every_file(decoder: Path, plain: Path, tmp_path: Path) -> None:
    container, restored = tmp_path / "plain.ebz", tmp_path / "restored.bin"
    container.write_bytes(pack_file(plain))
    subprocess.run([decoder, container, restored], check=True)
    assert restored.read_bytes() == plain.read_bytes()


def test_it_refuses_what_is_damaged(decoder: Path, tmp_path: Path) -> None:
    file, container, restored = (tmp_path / name for name in ("plain.bin", "plain.ebz", "restored.bin"))
    file.write_bytes(sparse(30, 40, 1))
    packed = pack_file(file)
    for broken, error in ((packed[:-9], -2), (b"PK" + packed[2:], -1), (packed[:30], -2)):
        container.write_bytes(broken)
        done = subprocess.run([decoder, container, restored], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, f"unpack: error {error}\n")
        assert not restored.exists()


def test_no_damage_makes_it_leave_its_buffers(tmp_path: Path) -> None:
    """Under the sanitizers of addresses and undefined behaviour, with thousands of damaged containers."""
    (tmp_path / "fuzz.c").write_text(FUZZ)
    program = tmp_path / "fuzz"
    sanitize = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    argv: list[str | Path] = ["gcc", "-std=c99", *sanitize, "-I", NATIVE, tmp_path / "fuzz.c", DECODER, "-o", program]
    subprocess.run(argv, check=True)
    file, container = tmp_path / "model.bin", tmp_path / "model.ebz"
    weights = sparse(10, 30, 4)
    file.write_bytes(b"a head of text, a head of text" + np.random.default_rng(0).bytes(40))
    refused = []
    for content in (pack_file(file), _container_of(weights, tmp_path)):
        container.write_bytes(content)
        done = subprocess.run([program, container, "400"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        refused.append(int(done.stdout))
    assert min(refused) > 200


def _container_of(tensor: bytes, folder: Path) -> bytes:
    """A container whose spans are of all kinds."""
    from zlib import crc32

    from edgebuild.package.container.arithmetic import Encoder
    from edgebuild.package.container.pack import _code, _ways
    from edgebuild.package.container.regions import Region
    from edgebuild.package.container.spans import Coding, Head, Span, write_head

    letters = _ways(tensor, Region(0, len(tensor), 4, (30,)))[1]
    spans = [Span(Coding.BYTES, 40), letters, Span(Coding.PLANES, 25, 4), Span(Coding.BYTES, 9)]
    data = bytes(range(40)) + tensor + np.random.default_rng(1).normal(size=25).astype("<f4").tobytes() + b"and a end"
    encoder = Encoder()
    _code(encoder, spans, 12, bytearray(data))
    return write_head(Head(len(data), crc32(data), bytes(32), 12, tuple(spans))) + encoder.finish()


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="gcc-arm-none-eabi is not installed")
def test_it_is_small_on_a_microcontroller(tmp_path: Path) -> None:
    """Code and constants; and it asks for nothing of a library but what a compiler calls by itself."""
    argv: list[str | Path] = [
        "arm-none-eabi-gcc",
        *STRICT,
        "-mcpu=cortex-m4",
        "-mthumb",
        "-Os",
        "-c",
        DECODER,
        "-o",
        tmp_path / "d.o",
    ]
    subprocess.run(argv, check=True)
    sizes = subprocess.run(["arm-none-eabi-size", tmp_path / "d.o"], check=True, capture_output=True, text=True)
    text, data, bss = (int(column) for column in sizes.stdout.splitlines()[1].split()[:3])
    assert text < CODE_BYTES
    assert (data, bss) == (0, 0)
    names = subprocess.run(["arm-none-eabi-nm", "-u", tmp_path / "d.o"], check=True, capture_output=True, text=True)
    assert {line.split()[-1] for line in names.stdout.splitlines()} <= {"memset", "memcpy", "__aeabi_llsr"}
