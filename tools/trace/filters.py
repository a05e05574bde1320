"""Filters over the fields of events, in the syntax of ftrace (Documentation/trace/events.rst).

    bytes_req > 4096 && !(call_site == 0xf8800123)        of every event that has such a field; the others are left out
    kmalloc,kmem_cache_*: gfp_flags & __GFP_DMA           of these events; the others pass

==, !=, <, <=, >, >= and & (some bit is set) compare numbers: decimal, hexadecimal, or names of GFP flags. ==, != and ~
(a glob) compare texts. Beside its own fields an event has ts, cpu (CPU), common_pid, common_comm (comm, COMM) and
common_caller. A comparison with a field that the event does not have is false.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from hw.errors import HighmemError
from mm import gfp
from mm.events import NAMES_OF_TASKS, matching
from tools.trace.model import EVENT_TYPES, EVENTS

Get = Callable[[Any], Any]
Predicate = Callable[[Any], bool]
#: Finds how a field is read, and whether it is a text; None for an event without it.
Lookup = Callable[[str], "tuple[Get, bool] | None"]
_Bind = Callable[[Lookup], Predicate]

COMMON_TYPES = {"ts": False, "cpu": False, "common_pid": False, "common_comm": True, "common_caller": False}
_OTHER_NAMES = {"CPU": "cpu", "COMM": "common_comm", "comm": "common_comm"}
_TOKEN = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||==|!=|<=|>=|[<>&~!()])|(?P<text>"[^"]*"|'[^']*')|(?P<word>[^\s&|=!<>~()"']+))"""
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "&": lambda a, b: a & b != 0, "~": fnmatchcase,
}  # fmt: skip
_PREFIX = re.compile(r"\s*([\w*?\[\],\s-]+?)\s*:(.*)\Z", re.DOTALL)


class FilterError(HighmemError):
    """A filter that is no expression, or speaks of what no event has."""


class Filter:
    """A filter as it was written. Raises FilterError where it is none, HighmemError for an event's unknown name."""

    def __init__(self, text: str) -> None:
        prefixed = _PREFIX.match(text)
        self.text = text
        self.events = matching([word.strip() for word in prefixed[1].split(",")], EVENTS) if prefixed else None
        self._expression = _Parser(prefixed[2] if prefixed else text, text)

    def bind(self, lookup: Lookup) -> Predicate | None:
        """The filter over what `lookup` reads; None where it has none of the fields that the filter names."""
        if not any(lookup(name) for name in self._expression.fields):
            return None
        return self._expression.bind(lookup)

    def check(self, events: Iterable[str]) -> None:
        """Raise FilterError for a field that none of these events has, or one that is compared with the wrong kind."""
        events = [event for event in events if self.events is None or event in self.events]
        if not events:
            raise FilterError(f"filter {self.text!r}: none of its events is traced")
        for name in self._expression.fields:
            if not any(_field(event, name) for event in events):
                known = list(dict.fromkeys(field for event in events for field in EVENT_TYPES[event]) | COMMON_TYPES)
                there = get_close_matches(name, known, 1) or known
                raise FilterError(f"filter {self.text!r}: no event has a field {name!r}; there is {', '.join(there)}")
        for event in events:
            self.bind(_lookup(event))


def _field(event: str, name: str) -> tuple[str, bool] | None:
    """A field's own name, and whether it is a text; an event's own fields go before the common ones."""
    if name in EVENT_TYPES[event]:
        return name, EVENT_TYPES[event][name] == NAMES_OF_TASKS
    name = _OTHER_NAMES.get(name, name)
    return (name, COMMON_TYPES[name]) if name in COMMON_TYPES else None


def _lookup(event: str, comm: Callable[[int], str] = str) -> Lookup:
    """How the fields of an event are read from a row of a trace. comm(pid): the name of a task."""
    at = {name: i for i, name in enumerate(EVENT_TYPES[event])}
    common: dict[str, Get] = {
        "ts": operator.itemgetter(1), "cpu": operator.itemgetter(2), "common_pid": operator.itemgetter(3),
        "common_comm": lambda row: comm(row[3]), "common_caller": operator.itemgetter(4),
    }  # fmt: skip

    def lookup(name: str) -> tuple[Get, bool] | None:
        found = _field(event, name)
        if found is None:
            return None
        if found[0] in at:
            i = at[found[0]]
            return lambda row: row[5][i], found[1]
        return common[found[0]], found[1]

    return lookup


def condition(text: str, event: str) -> Predicate:
    """A filter over the fields of one event as a dictionary, as a listener gets them. Raises HighmemError."""
    each = Filter(text)
    each.check([event])

    def lookup(name: str) -> tuple[Get, bool] | None:
        found = _field(event, name)
        return (operator.itemgetter(name), found[1]) if found and name in EVENT_TYPES[event] else None

    return each.bind(lookup) or (lambda fields: False)


def row_filter(filters: list[Filter], event: str, comm: Callable[[int], str]) -> Predicate | None:
    """What all filters together say of the rows of an event: None where all of them pass."""
    predicates: list[Predicate] = []
    for each in filters:
        if each.events is None or event in each.events:
            predicates.append(each.bind(_lookup(event, comm)) or (lambda row: False))
    if not predicates:
        return None
    return predicates[0] if len(predicates) == 1 else lambda row: all(each(row) for each in predicates)


def choose(patterns: list[str], filters: list[Filter], events: Iterable[str] = EVENTS) -> list[str]:
    """The events that lists of globs name (all without one) and that can pass the filters. Raises HighmemError."""
    globs = [glob.strip() for pattern in patterns for glob in pattern.split(",") if glob.strip()]
    names = matching(globs, events) if globs else list(events)
    for each in filters:
        each.check(names)
    return [
        name for name in names
        if all((each.events is not None and name not in each.events) or each.bind(_lookup(name)) for each in filters)
    ]


class _Parser:
    """One expression: `bind` makes it a predicate, `fields` are the names in it."""

    def __init__(self, source: str, whole: str) -> None:
        self._whole = whole
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(source.rstrip())
        while at < end:
            match = _TOKEN.match(source, at)
            if match is None:
                raise self._error(f"{source[at:].strip()!r} cannot be read")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()
        self.fields: list[str] = []
        self.bind = self._or()
        if self._tokens:
            raise self._error(f"{self._tokens[0][1]!r} is too much")

    def _error(self, why: str) -> FilterError:
        return FilterError(f"filter {self._whole!r}: {why} (such as 'bytes_req > 4096 && !(order == 0)')")

    def _next(self, wanted: str) -> tuple[str, str]:
        if not self._tokens:
            raise self._error(f"{wanted} is missing at the end")
        return self._tokens.pop(0)

    def _take(self, *operators: str) -> str:
        if self._tokens and self._tokens[0][0] == "op" and self._tokens[0][1] in operators:
            return self._tokens.pop(0)[1]
        return ""

    def _or(self) -> _Bind:
        terms = [self._and()]
        while self._take("||"):
            terms.append(self._and())
        return terms[0] if len(terms) == 1 else lambda lookup: _any([bind(lookup) for bind in terms])

    def _and(self) -> _Bind:
        terms = [self._not()]
        while self._take("&&"):
            terms.append(self._not())
        return terms[0] if len(terms) == 1 else lambda lookup: _every([bind(lookup) for bind in terms])

    def _not(self) -> _Bind:
        if self._take("!"):
            inner = self._not()
            return lambda lookup: _negated(inner(lookup))
        if self._take("("):
            inner = self._or()
            if not self._take(")"):
                raise self._error("')' is missing")
            return inner
        return self._comparison()

    def _comparison(self) -> _Bind:
        kind, name = self._next("a comparison")
        if kind != "word":
            raise self._error(f"a field's name is expected, not {name!r}")
        sign = self._take(*_COMPARE)
        if not sign:
            raise self._error(f"an operator ({' '.join(_COMPARE)}) is expected after {name!r}")
        kind, value = self._next("a value")
        if kind == "op":
            raise self._error(f"a value is expected after {sign!r}, not {value!r}")
        self.fields.append(name)
        text = value[1:-1] if kind == "text" else value
        compare = _COMPARE[sign]

        def bind(lookup: Lookup) -> Predicate:
            found = lookup(name)
            if found is None:
                return lambda row: False
            get, is_text = found
            if is_text != (sign == "~") and sign not in ("==", "!="):
                what = "a text: it can be compared with ==, != and ~" if is_text else "a number, which has no glob"
                raise self._error(f"{name} is {what}")
            wanted = text if is_text else self._number(text)
            return lambda row: bool(compare(get(row), wanted))

        return bind

    def _number(self, text: str) -> int:
        try:
            return int(text, 0)
        except ValueError:
            pass
        try:
            return gfp.parse(text)
        except ValueError:
            raise self._error(f"{text!r} is no number") from None


def _any(predicates: list[Predicate]) -> Predicate:
    return lambda row: any(each(row) for each in predicates)


def _every(predicates: list[Predicate]) -> Predicate:
    return lambda row: all(each(row) for each in predicates)


def _negated(predicate: Predicate) -> Predicate:
    return lambda row: not predicate(row)
