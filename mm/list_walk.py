"""Lists followed with suspicion: every step is checked, and the first link that is broken is told.

For any list in any memory: doubly linked ones (struct list_head), hash chains (struct hlist_node), and structs that
lead to the next one by a pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mm.list import LIST_POISON1, LIST_POISON2

#: The word at a linear address, None where there is no memory.
Word = Callable[[int], "int | None"]

LIST_HEAD, HLIST, POINTER = "list_head", "hlist_node", "pointer"
_PATTERNS = {
    0: "NULL: never initialised, or overwritten with zeros",
    LIST_POISON1: "LIST_POISON1: list_del has taken it out of its list",
    LIST_POISON2: "LIST_POISON2: list_del has taken it out of its list",
    0x6B6B6B6B: "POISON_FREE: it is in a slab object that was freed",
    0x5A5A5A5A: "POISON_INUSE: it is in a slab object that nobody has written to",
}


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first link of a list that is not as it must be.

    entry: how many entries come before it. at: the entry (or the head) that it is in; word: its own address, and name:
    "next", "prev", "first" or "pprev"; value: what is there. why: what is wrong with that.
    backward: of a doubly linked list, how many entries are in order from the other end.
    """

    entry: int
    at: int
    word: int
    name: str
    value: int | None
    why: str
    backward: int | None = None


class ListWalk:
    """One walk over a list. Iterate; then `broken` is the link that ended it too early, None for a list in order.

    kind: LIST_HEAD: `head` is a list_head that is no entry; HLIST or POINTER: `head` is the word that leads to the
    first entry, and NULL ends the list. Entries are addresses of list_heads, hlist_nodes or pointers; of a POINTER list
    a link leads to a struct, in which the next pointer is `offset` bytes behind the start.
    """

    def __init__(self, word: Word, head: int, kind: str = LIST_HEAD, offset: int = 0) -> None:
        self._word = word
        self._head = head
        self._kind = kind
        self._offset = offset
        self._seen: dict[int, int] = {}
        self.broken: BrokenLink | None = None

    def __iter__(self) -> Iterator[int]:
        self._seen, self.broken = {}, None
        return self._list_head() if self._kind == LIST_HEAD else self._chain()

    def _break(self, at: int, word: int, name: str, value: int | None, why: str) -> None:
        backward = self._backward() if self._kind == LIST_HEAD else None
        self.broken = BrokenLink(len(self._seen), at, word, name, value, why, backward)

    def _unlikely(self, value: int | None, size: int) -> str:
        """Why a pointer cannot lead to an entry of `size` bytes, "" where it can."""
        if value is None:
            return "there is no memory"
        if value in _PATTERNS:
            return _PATTERNS[value]
        if value % 4:
            return "it is not on a word boundary"
        if any(self._word(value + n & 0xFFFFFFFF) is None for n in range(0, size, 4)):
            return "there is no memory where it leads"
        return ""

    def _list_head(self) -> Iterator[int]:
        at = self._head
        while True:
            following = self._word(at)
            if why := self._unlikely(following, 8):
                return self._break(at, at, "next", following, why)
            assert following is not None
            if following in self._seen:
                why = f"it leads back to entry {self._seen[following]}: a cycle without the head"
                return self._break(at, at, "next", following, why)
            before = self._word(following + 4)
            if before != at:
                return self._break(following, following + 4, "prev", before, self._wrong_prev(following, before, at))
            if following == self._head:
                return None
            self._seen[following] = len(self._seen)
            yield following
            at = following

    def _wrong_prev(self, entry: int, before: int | None, at: int) -> str:
        """Why an entry's prev, which should lead to `at`, does not."""
        should = f"it should be {at:08x}, which leads here"
        if before == entry and self._word(entry) == entry:
            return f"{should}; the entry is a list of its own, as INIT_LIST_HEAD leaves it"
        if before in self._seen:
            return f"{should}; it leads to entry {self._seen[before]}, as if those between were not in the list"
        why = self._unlikely(before, 8)
        return f"{should}; {why}" if why else f"{should}; the two belong to different lists"

    def _backward(self) -> int:
        """Entries in order from the head along prev."""
        at, count, seen = self._head, 0, set()
        while True:
            before = self._word(at + 4)
            if before is None or before in seen or before == self._head or self._word(before) != at:
                return count
            seen.add(before)
            at, count = before, count + 1

    def _chain(self) -> Iterator[int]:
        at, name = self._head, "first"
        while value := self._word(at):
            entry = value + self._offset & 0xFFFFFFFF
            if why := self._unlikely(value, 8 if self._kind == HLIST else 4) or self._unlikely(entry, 4):
                return self._break(at, at, name, value, why)
            if entry in self._seen:
                return self._break(at, at, name, value, f"it leads back to entry {self._seen[entry]}: a cycle")
            if self._kind == HLIST and (back := self._word(entry + 4)) != at:
                return self._break(entry, entry + 4, "pprev", back, f"it should be {at:08x}, which leads here")
            self._seen[entry] = len(self._seen)
            yield entry
            at, name = entry, "next"
        if value is None:
            self._break(at, at, name, None, "there is no memory")
        return None
