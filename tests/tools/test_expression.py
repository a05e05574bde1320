"""Address expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.errors import CommandError
from tools.expression import evaluate

REGISTERS = {"esp": 0xC0402000, "eip": 0xF8800010}
SYMBOLS = {"kmalloc": 0xC0101000, "add": 0xC0101010}


def value(text: str, bits: int = 32) -> int:
    return evaluate(text, REGISTERS.get, SYMBOLS.get, bits)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c0100000", 0xC0100000),
        ("0xc0100000", 0xC0100000),
        ("0XC0100000", 0xC0100000),
        ("10", 0x10),
        ("$esp", 0xC0402000),
        ("$esp+10", 0xC0402010),
        ("$esp - 0x10 + 4", 0xC0401FF4),
        ("kmalloc", 0xC0101000),
        ("  kmalloc+4 ", 0xC0101004),
        ("add", 0xC0101010),
        ("0xadd", 0xADD),
        ("-1", 0xFFFFFFFF),
        ("c0000000+c0000000", 0x80000000),
        ("4 - -4", 8),
    ],
)
def test_value(text: str, expected: int) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "missing"),
        ("$nonsense", "$nonsense"),
        ("nowhere", "'nowhere' is no symbol"),
        ("1 2", "operator is missing before '2'"),
        ("1 +", "ends with an operator"),
        ("+", "ends with an operator"),
        ("c0100000*2", "'*2'"),
        ("100000000", "does not fit into 32 bits"),
        ("(1)", "not an address"),
    ],
)
def test_error_names_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(CommandError) as caught:
        value(text)
    assert word in str(caught.value) and "\n" not in str(caught.value)


def test_physical_addresses_have_more_bits() -> None:
    assert value("100000000", 36) == 1 << 32


@given(st.text())
def test_any_text_is_a_value_or_one_clear_line(text: str) -> None:
    try:
        assert 0 <= value(text) < 1 << 32
    except CommandError as error:
        assert str(error)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_sums(a: int, b: int) -> None:
    assert value(f"{a:x}+{b:#x}") == (a + b) & 0xFFFFFFFF
    assert value(f"{a:x} - {b:x}") == (a - b) & 0xFFFFFFFF
