"""A state for each byte of memory, for hw.access_watch and hw.uninit."""

from __future__ import annotations

import mmap
import sys

#: What may be accessed; UNSET: nobody has written to it since it was allocated. STACK: not below the stack pointer.
#: FRAME: STACK_UNSET, of a function that has just begun.
PLAIN, UNSET, STACK, STACK_UNSET, FRAME = 1, 2, 3, 4, 5
#: What is on a stack, and what nobody has written to.
ON_STACK, NOT_SET = bytes([STACK, STACK_UNSET, FRAME]), bytes([UNSET, STACK_UNSET, FRAME])
#: 0 and the states from 0x80 on mean what the watcher likes: such bytes must not be accessed.
FORBIDDEN = bytes([0, *range(0x80, 0x100)])
ALLOWED = bytes(range(1, 0x80))

_MAP_NORESERVE = 0x4000


def _translation(**changes: int) -> bytes:
    states = {"plain": PLAIN, "unset": UNSET, "stack": STACK, "stack_unset": STACK_UNSET, "frame": FRAME}
    known = {states[name]: to for name, to in changes.items()}
    return bytes(known.get(state, state) for state in range(256))


TO_STACK = _translation(plain=STACK, unset=STACK_UNSET)
_TO_SET = _translation(unset=PLAIN, stack_unset=STACK, frame=STACK)
_TO_UNSET = _translation(plain=UNSET, stack=STACK_UNSET)
_IS_SET = bytes(state not in NOT_SET for state in range(256))


def make_shadow(size: int) -> memoryview:
    """`size` bytes of zeros, which cost memory from their first use on."""
    if sys.platform == "linux":
        return memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE))
    return memoryview(mmap.mmap(-1, size))


class Unset:
    """What is known of the bytes of a shadow that are not set: by physical address the mask of bits that nobody has
    set, and where in memory they come from. Of a FRAME, and of what is not in `known`, it is all, and the byte itself.
    """

    def __init__(self, shadow: memoryview) -> None:
        self.shadow = shadow
        self.known: dict[int, tuple[int, int]] = {}

    def add(self, pa: int, size: int) -> None:
        """Bytes that nobody has written to since they were allocated."""
        if self.known:
            for at in [at for at in self.known if pa <= at < pa + size]:
                del self.known[at]
        self.shadow[pa : pa + size] = bytes(self.shadow[pa : pa + size]).translate(_TO_UNSET)

    def clear(self, pa: int, size: int) -> None:
        """Somebody has written to them."""
        self.shadow[pa : pa + size] = bytes(self.shadow[pa : pa + size]).translate(_TO_SET)

    def of(self, pa: int) -> tuple[int, int]:
        """The mask of a byte and where it comes from; 0 where it is set."""
        state = self.shadow[pa]
        if state == FRAME:
            return 0xFF, pa
        return self.known.get(pa, (0xFF, pa)) if state in NOT_SET else (0, pa)

    def origin(self, pa: int, size: int) -> int | None:
        """Where the first unset byte of these comes from; None where all are set."""
        first = bytes(self.shadow[pa : pa + size]).translate(_IS_SET).find(0)
        return self.of(pa + first)[1] if first >= 0 else None
