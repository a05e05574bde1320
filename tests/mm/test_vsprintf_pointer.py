"""The letters behind %p: what later kernels print, against Python's own words for the same."""

from __future__ import annotations

import ipaddress
import struct
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.vsprintf import vsnprintf
from mm.vsprintf_pointer import Memory

AT = 0xC0001000


def kernel(fmt: bytes, data: bytes, *words: int, physical_size: int = 4) -> bytes:
    """The format with `words` as arguments, AT being the address of `data`."""
    remaining = iter(words)

    def read(va: int, size: int) -> bytes:
        assert AT <= va and va + size <= AT + len(data)
        return data[va - AT :][:size]

    def symbol(va: int) -> tuple[str, int, int] | None:
        return ("kmalloc", va - 0xC0100000, 0x80) if 0xC0100000 <= va < 0xC0100080 else None

    def again(nested: int, args: int) -> bytes:
        text = data[nested - AT :].split(b"\0")[0]
        return vsnprintf(
            text, iter(struct.unpack_from("<4I", data, args - AT)).__next__, lambda va, limit: b""
        )

    memory = Memory(read, symbol, again, physical_size)
    return vsnprintf(fmt, lambda: next(remaining), lambda va, limit: b"string", memory)


@pytest.mark.parametrize(
    ("fmt", "words", "expected"),
    [
        (b"%px|%pK", (0xC1A08940, 0xAB), b"c1a08940|000000ab"),
        (
            b"%pS|%ps|%pB",
            (0xC0100010, 0xC0100010, 0xC0100010),
            b"kmalloc+0x10/0x80|kmalloc|kmalloc+0x10/0x80",
        ),
        (b"%pS|%20ps", (0x10, 0xC0100000), b"0x10|             kmalloc"),
        (b"%pe|%pe|%-8pe|", (0xFFFFFFF4, 0xFFFFFB2E, 0xFFFFFFFB), b"-ENOMEM|-1234|-EIO    |"),
        (b"%pe", (0xC1A08940,), b"c1a08940"),
        (b"%pM|%pU|%*ph", (0, 0xAB, 3, 0xFFFFFFF5), b"(null)|(efault)|(efault)"),
        (b"%pz %pless", (1, 2), b"00000001z 00000002less"),
        (b"%p.", (0x1234,), b"00001234."),
    ],
)
def test_plain_and_bad_pointers(fmt: bytes, words: tuple[int, ...], expected: bytes) -> None:
    assert kernel(fmt, b"", *words) == expected


def test_without_memory_letters_are_text() -> None:
    assert vsnprintf(b"%pM", lambda: 0xC0DE, lambda va, limit: b"") == b"0000c0deM"


@given(st.binary(min_size=6, max_size=6))
def test_mac(data: bytes) -> None:
    assert kernel(b"%pM", data, AT) == data.hex(":").encode()
    assert kernel(b"%pMF", data, AT) == data.hex("-").encode()
    assert kernel(b"%pmR", data, AT) == data[::-1].hex().encode()


@given(st.binary(min_size=4, max_size=4))
def test_ip4(data: bytes) -> None:
    text = str(ipaddress.IPv4Address(data)).encode()
    assert kernel(b"%pI4 %16pI4", data, AT, AT) == text + b" " + text.rjust(16)
    assert kernel(b"%pI4h", data[::-1], AT) == text
    assert kernel(b"%pISp", struct.pack("<H", 2) + b"\x30\x39" + data, AT) == text + b":12345"
    assert kernel(b"%pi4", data, AT) == b".".join(b"%03d" % byte for byte in data)


@given(st.lists(st.sampled_from([0, 1, 0x20, 0xABCD]), min_size=8, max_size=8))
def test_ip6(words: list[int]) -> None:
    data = struct.pack(">8H", *words)
    address = ipaddress.IPv6Address(data)
    assert kernel(b"%pI6", data, AT) == address.exploded.encode()
    assert kernel(b"%pi6", data, AT) == data.hex().encode()
    assert ipaddress.IPv6Address(kernel(b"%pI6c", data, AT).decode()) == address
    if "::" in address.compressed:
        assert kernel(b"%pI6c", data, AT) == address.compressed.encode()


def test_ip6_that_is_ip4() -> None:
    assert kernel(b"%pI6c", ipaddress.IPv6Address("::ffff:1.2.3.4").packed, AT) == b"::ffff:1.2.3.4"


@given(st.binary(min_size=16, max_size=16))
def test_uuid(data: bytes) -> None:
    one = uuid.UUID(bytes=data)
    assert kernel(b"%pUb|%pUB", data, AT, AT).decode() == f"{one}|{str(one).upper()}"
    assert kernel(b"%pUl", one.bytes_le, AT).decode() == str(one)
    assert kernel(b"%pUL", one.bytes_le, AT).decode() == str(one).upper()


@given(st.binary(min_size=1, max_size=64))
def test_bytes(data: bytes) -> None:
    assert kernel(b"%*phC", data, len(data), AT) == data.hex(":").encode()
    assert (
        kernel(b"%*ph|%*phN", data, len(data), AT, len(data), AT).decode() == f"{data.hex(' ')}|{data.hex()}"
    )


@given(st.integers(1, 130), st.integers(0))
def test_bitmaps(bits: int, seed: int) -> None:
    value = seed % (1 << bits)
    data = (value | 1 << bits).to_bytes(20, "little")  # what is behind the bits does not count
    text = kernel(b"%*pb", data, bits, AT).decode()
    words = text.split(",")
    assert int("".join(words), 16) == value and all(len(word) == 8 for word in words[1:])
    assert len("".join(words)) == (bits + 3) // 4
    listed = [part.split("-") for part in kernel(b"%*pbl", data, bits, AT).decode().split(",") if part]
    assert sum(1 << bit for part in listed for bit in range(int(part[0]), int(part[-1]) + 1)) == value
    assert all(int(a[-1]) + 1 < int(b[0]) for a, b in zip(listed, listed[1:], strict=False))


@given(st.integers(0, 2**33))
def test_times(seconds: int) -> None:
    then = datetime.fromtimestamp(seconds, UTC)
    data = seconds.to_bytes(8, "little")
    assert kernel(b"%ptT", data, AT).decode() == f"{then:%Y-%m-%dT%H:%M:%S}"
    assert (
        kernel(b"%ptTs|%ptTt|%ptTd", data, AT, AT, AT).decode()
        == f"{then:%Y-%m-%d %H:%M:%S|%H:%M:%S|%Y-%m-%d}"
    )
    fields = struct.pack(
        "<6i", then.second, then.minute, then.hour, then.day, then.month - 1, then.year - 1900
    )
    assert kernel(b"%ptR", fields, AT).decode() == f"{then:%Y-%m-%dT%H:%M:%S}"


def test_physical_addresses() -> None:
    data = struct.pack("<Q", 0x1_2345_6000)
    assert kernel(b"%pa", data, AT) == b"0x23456000"
    assert kernel(b"%pa", data, AT, physical_size=8) == b"0x0000000123456000"


def test_formats_in_formats() -> None:
    data = (
        struct.pack("<II", AT + 12, AT + 8)
        + struct.pack("<I", AT + 16)
        + b"%d!\0"
        + struct.pack("<4i", -5, 0, 0, 0)
    )
    assert kernel(b"<%pV>", data, AT) == b"<-5!>"


@pytest.mark.parametrize(
    ("fmt", "data", "expected"),
    [
        (b"%4pE", b"a\n\x1b\xff", b"a\\n\\e\\377"),
        (b"%4pEhp", b"a\n\x1b\xff", b"a\\x0a\\x1b\\xff"),
        (b"%3pEs", b'a\n"', b'a\\n"'),
        (b"%3pEnc", b"\0\"'", b"\\0\\\"'"),
        (b"%p4cc", b"NV12", b"NV12 little-endian (0x3231564e)"),
        (b"%p4cc", b"NV1\xb2", b"NV12 big-endian (0xb231564e)"),
    ],
)
def test_escapes_and_codes(fmt: bytes, data: bytes, expected: bytes) -> None:
    assert kernel(fmt, data, AT) == expected
