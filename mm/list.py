"""Doubly linked lists in guest memory (include/linux/list.h, 2.6.20).

A list head is two words, next and prev, each the virtual address of another head. `w` is the lowmem view: the
direct map's physical memory in 32-bit words. `va ^ 0xC0000000` is the physical address of a direct-map address
and lies outside the view for every other value, so that a wild pointer is noticed by the view's own bounds check.
"""

from __future__ import annotations

from collections.abc import Iterator

from mm.errors import KernelFault, ListCycle

Words = memoryview  # of format "I": one lowmem word an element

LIST_POISON1 = 0x00100100
LIST_POISON2 = 0x00200200


def _wild(w: Words, *pointers: int) -> KernelFault:
    for va in pointers:
        if (va ^ 0xC0000000) >> 2 >= len(w) - 1:
            return KernelFault(va, write=True)
    raise AssertionError("no pointer of a failed list operation is wild")


def init_list_head(w: Words, head: int) -> None:
    """INIT_LIST_HEAD: an empty list."""
    i = (head ^ 0xC0000000) >> 2
    w[i] = head
    w[i + 1] = head


def list_add(w: Words, new: int, head: int) -> None:
    """Insert `new` right behind `head`."""
    try:
        i = (head ^ 0xC0000000) >> 2
        following = w[i]
        w[((following ^ 0xC0000000) >> 2) + 1] = new
        j = (new ^ 0xC0000000) >> 2
        w[j] = following
        w[j + 1] = head
        w[i] = new
    except IndexError:
        raise _wild(w, head, w[i] if i < len(w) else head, new) from None


def list_add_tail(w: Words, new: int, head: int) -> None:
    """Insert `new` right before `head`."""
    try:
        i = ((head ^ 0xC0000000) >> 2) + 1
        last = w[i]
        w[(last ^ 0xC0000000) >> 2] = new
        j = (new ^ 0xC0000000) >> 2
        w[j] = head
        w[j + 1] = last
        w[i] = new
    except IndexError:
        raise _wild(w, head, w[i] if i < len(w) else head, new) from None


def list_unlink(w: Words, entry: int) -> None:
    """Take `entry` out of its list (2.6.20's __list_del): its own two words stay as they are."""
    try:
        i = (entry ^ 0xC0000000) >> 2
        following = w[i]
        before = w[i + 1]
        w[((following ^ 0xC0000000) >> 2) + 1] = before
        w[(before ^ 0xC0000000) >> 2] = following
    except IndexError:
        raise _wild(w, entry, *((w[i], w[i + 1]) if i + 1 < len(w) else ())) from None


def list_del(w: Words, entry: int) -> None:
    """Take `entry` out of its list and poison its two words."""
    list_unlink(w, entry)
    i = (entry ^ 0xC0000000) >> 2
    w[i] = LIST_POISON1
    w[i + 1] = LIST_POISON2


def list_empty(w: Words, head: int) -> bool:
    """Whether nothing hangs on `head`."""
    return w[(head ^ 0xC0000000) >> 2] == head


def list_for_each(w: Words, head: int) -> Iterator[int]:
    """The entries in order; safe against the removal of the entry just given.

    Raises KernelFault where a pointer leaves lowmem, and ListCycle where the list never comes back to its head
    (2.6.20 would walk on for ever).
    """
    entry = head
    try:
        entry = w[(head ^ 0xC0000000) >> 2]
        seen, steps, limit = 0, 0, 64  # Brent's test for a cycle
        while entry != head:
            following = w[(entry ^ 0xC0000000) >> 2]
            yield entry
            entry = following
            steps += 1
            if entry == seen:
                raise ListCycle(head)
            if steps == limit:
                seen, limit = entry, 2 * limit
    except IndexError:
        raise KernelFault(entry) from None
