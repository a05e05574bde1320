"""Dataclasses as JSON and back, for what the host knows of a machine and puts into a saved one.

The types of the fields say what each value must be; a file that says something else gives ValueError.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def pack(value: Any) -> Any:
    """What JSON can hold of a dataclass: lists of its fields in their order; bytes are hexadecimal."""
    if is_dataclass(value):
        return [pack(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [pack(each) for each in value]
    if isinstance(value, dict):
        return {key: pack(each) for key, each in value.items()}
    return value


def unpack(kind: type[T], value: Any) -> T:
    """The `kind` that `pack` made `value` of. Raises ValueError where it is not of that kind."""
    return _unpack(kind, value)  # type: ignore[no-any-return]


def _unpack(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (inner,) = (each for each in arguments if each is not NoneType)
        return None if value is None else _unpack(inner, value)
    if origin in (list, tuple):
        return origin(_unpack(arguments[0], each) for each in _a(list, value))
    if origin is dict:
        return {_a(arguments[0], key): _unpack(arguments[1], each) for key, each in _a(dict, value).items()}
    if hasattr(kind, "__dataclass_fields__"):
        kinds = _fields(kind)
        if len(_a(list, value)) != len(kinds):
            raise ValueError(f"{len(value)} fields are no {kind.__name__}")
        return kind(*map(_unpack, kinds, value))
    if issubclass(kind, Enum):
        return kind(value)
    return bytes.fromhex(_a(str, value)) if kind is bytes else _a(kind, value)


@cache
def _fields(kind: Any) -> list[Any]:
    """The types of a dataclass's fields."""
    hints = get_type_hints(kind)
    return [hints[field.name] for field in fields(kind)]


def _a(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
