"""The kernel's formats against the C library's, where the two mean the same."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.vsprintf import vsnprintf

libc = ctypes.CDLL(None)


def kernel(fmt: bytes, *words: int, strings: dict[int, bytes] | None = None) -> bytes:
    remaining = iter(words)
    return vsnprintf(fmt, lambda: next(remaining), lambda va, limit: (strings or {})[va][:limit])


def host(fmt: bytes, *arguments: object) -> bytes:
    buffer = ctypes.create_string_buffer(65536)
    libc.snprintf(buffer, len(buffer), fmt, *arguments)
    return buffer.value


FLAGS = st.sampled_from([b"", b"-", b"0", b"+", b" ", b"#", b"-+", b"0+", b"#0", b"- "])
WIDTH = st.sampled_from([b"", b"1", b"8", b"12", b"20"])


@given(FLAGS, WIDTH, st.sampled_from(b"diuxXo"), st.integers(0, 2**32 - 1))
def test_words(flags: bytes, width: bytes, conversion: int, value: int) -> None:
    fmt = b"[%" + flags + width + bytes([conversion]) + b"]"
    if b"#" in flags and conversion == ord("o") or value == 0:
        return  # the kernel writes a prefix to 0 as well
    assert kernel(fmt, value) == host(fmt, ctypes.c_uint32(value))


@given(FLAGS, WIDTH, st.sampled_from([b"d", b"u", b"x"]), st.integers(1, 2**64 - 1))
def test_long_long(flags: bytes, width: bytes, conversion: bytes, value: int) -> None:
    fmt = b"%" + flags + width + b"ll" + conversion
    assert kernel(fmt, value & 0xFFFFFFFF, value >> 32) == host(fmt, ctypes.c_uint64(value))


TEXT = st.binary(max_size=40).filter(lambda text: 0 not in text)


@given(TEXT, st.sampled_from([b"%s", b"%10s|", b"%-10s|", b"%.3s|"]))
def test_strings(text: bytes, fmt: bytes) -> None:
    assert kernel(fmt, 0xC0001000, strings={0xC0001000: text}) == host(fmt, text)


@pytest.mark.parametrize(
    ("fmt", "words", "expected"),
    [
        (b"%p", (0xC1A08940,), b"c1a08940"),
        (b"%p", (0,), b"00000000"),
        (b"%s", (0,), b"<NULL>"),
        (b"%c%%", (0x141,), b"A%"),
        (b"%*d|%-*d|", (5, 42, 5, 42), b"   42|42   |"),
        (b"%hd %hu", (0xFFFF8000, 0x12345678), b"-32768 22136"),
        (b"%zu %Zd %ld", (7, 8, 0xFFFFFFFF), b"7 8 -1"),
        (b"%08lx", (0xBEEF,), b"0000beef"),
        (b"%#x", (255,), b"0xff"),
        (b"no conversion", (), b"no conversion"),
        (b"%q%", (), b"%q%"),
        (b"%5.2f|", (), b"%f|"),
        (b"%hhd %hhu", (0x181, 0x1FF), b"-127 255"),
    ],
)
def test_kernel_forms(fmt: bytes, words: tuple[int, ...], expected: bytes) -> None:
    assert kernel(fmt, *words) == expected
