"""Slabs of a machine with --slab-debug: red zones, poison, last users, and the statistics of the caches."""

from __future__ import annotations

import numpy as np

from mm.fsck.caches import ALLOCATED, FREE, Cache, Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import MOST, Frames, Memory, shown
from mm.layout import PAGE_OFFSET, SLAB_DEBUG_SLABS_LEN
from mm.slab_debug import POISON_FREE, RED_ACTIVE, RED_INACTIVE, poison
from mm.slab_geometry import (
    BUFCTL_FREE,
    SLAB_DEBUG_FREE,
    SLAB_DEBUG_INITIAL,
    SLAB_POISON,
    SLAB_RED_ZONE,
    SLAB_SIZE,
    SLAB_STORE_USER,
)

_MOST_ODD = 1 << 24  # slabs made; allocations that failed and double frees, which nothing counts
_AT_ONCE = 1 << 20  # words


def check_statistics(cache: Cache) -> None:
    """Compare a cache's counters with each other and with its slabs."""
    view, slabs = cache.view, len(cache.slabs)
    view.want("num_active", slabs * cache.shape.num - cache.free_objects, "the slabs hold")
    view.within("high_mark", view["num_active"], view["num_allocations"])
    view.free("num_allocations")
    view.within("grown", slabs, _MOST_ODD)
    view.within("reaped", 0, view["grown"])
    view.within("max_freeable", 0, view["grown"])
    if cache.flags & SLAB_DEBUG_INITIAL and not view["ctor"]:
        view.bad("flags", f"is {view['flags']:#x}, and there is no constructor to look at an object")
    used = int((cache.state == ALLOCATED).sum())
    taken, given = ((view[f"{what}hit"] + view[f"{what}miss"]) & 0xFFFFFFFF for what in ("alloc", "free"))
    if not -_MOST_ODD < taken - given - used < _MOST_ODD:
        text = f"and allocmiss make {taken} objects taken, {given} were given back, {used} are in use"
        view.bad("allochit", text)
    view.free("allochit", "allocmiss", "freehit", "freemiss")


class DebuggedSlabs:
    """The checks that follow when the state of every object is known."""

    def __init__(self, memory: Memory, objects: Objects) -> None:
        self._memory = memory
        self._objects = objects

    def check(self) -> None:
        """Check everything."""
        self._option()
        for cache in self._objects.caches:
            whole = [row for row, start in enumerate(cache.starts) if start >= 0 and cache.sound[row]]
            rows = np.array(whole, dtype=np.int64)
            if not len(rows):
                continue
            s_mem = np.array(cache.s_mem, dtype=np.int64)[rows]
            places = ((s_mem - PAGE_OFFSET) >> 2)[:, None] + np.arange(cache.shape.num) * (cache.shape.buffer_size >> 2)
            if cache.flags & SLAB_DEBUG_FREE:
                self._states(cache, rows)
            if cache.flags & SLAB_RED_ZONE:
                self._red_zones(cache, rows, places)
            if cache.flags & SLAB_STORE_USER:
                self._users(cache, places)
            if cache.flags & SLAB_POISON:
                self._poison(cache, places[cache.state[rows] != ALLOCATED])

    def _option(self) -> None:
        memory, (flags, slabs) = self._memory, self._memory.slab_debug
        if (value := memory.variable("slab_debug_flags")) != flags:
            variable_damage(memory, "slab_debug_flags", f"is {value:#x}, the command line says {flags:#x}")
        text = memory.block(memory.layout.va("slab_debug_slabs"), SLAB_DEBUG_SLABS_LEN >> 2).tobytes()
        if text != slabs.encode().ljust(SLAB_DEBUG_SLABS_LEN, b"\0"):
            said = text.split(b"\0")[0].decode("latin-1")
            variable_damage(memory, "slab_debug_slabs", f"is {said!r}, the command line says {slabs!r}")

    def _damage(self, cache: Cache, place: int, field: str, text: str) -> None:
        self._memory.damage(f"object of {cache.name}", self._address(cache, place), field, text)

    def _address(self, cache: Cache, place: int) -> int:
        return PAGE_OFFSET + 4 * place + cache.shape.obj_offset

    def _states(self, cache: Cache, rows: Frames) -> None:
        """An object that is out of its slab says so where the chain would go on."""
        index = (np.array(cache.slabs, dtype=np.int64)[rows] - PAGE_OFFSET) >> 2
        bufctl = self._memory.words[(index + (SLAB_SIZE >> 2))[:, None] + np.arange(cache.shape.num)]
        for row, number in np.argwhere((cache.state[rows] != FREE) & (bufctl != BUFCTL_FREE))[:MOST].tolist():
            slab, text = cache.slabs[rows[row]], f"is {shown(int(bufctl[row, number]))}, should be {BUFCTL_FREE:#x}"
            self._memory.damage(f"struct slab of {cache.name}", slab, f"bufctl[{number}]", text)

    def _red_zones(self, cache: Cache, rows: Frames, places: Frames) -> None:
        used = cache.state[rows] == ALLOCATED
        last = (cache.shape.buffer_size >> 2) - (2 if cache.flags & SLAB_STORE_USER else 1)
        for where, zones in (("before", places), ("behind", places + last)):
            values = self._memory.words[zones]
            for row, number in np.argwhere(values != np.where(used, RED_ACTIVE, RED_INACTIVE))[:MOST].tolist():
                right, state = (RED_ACTIVE, "in use") if used[row, number] else (RED_INACTIVE, "free")
                text = f"is {int(values[row, number]):#x}, that of an object {state} is {right:#x}"
                self._damage(cache, int(places[row, number]), f"red zone {where} it", text)

    def _users(self, cache: Cache, places: Frames) -> None:
        values = self._memory.words[places + (cache.shape.buffer_size >> 2) - 1]
        for row, number in np.argwhere((values != 0) & (values < PAGE_OFFSET))[:MOST].tolist():
            text = f"is {int(values[row, number]):08x}, which is no address of code"
            self._damage(cache, int(places[row, number]), "last user", text)

    def _poison(self, cache: Cache, places: Frames) -> None:
        """What is free holds what it was filled with."""
        size, first = cache.shape.obj_size >> 2, cache.shape.obj_offset >> 2
        right = np.frombuffer(poison(POISON_FREE, cache.shape.obj_size), dtype=np.uint32)
        many = max(1, _AT_ONCE // size)
        for start in range(0, len(places), many):
            some = places[start : start + many]
            wrong = self._memory.words[some[:, None] + first + np.arange(size)] != right
            for i in np.flatnonzero(wrong.any(axis=1))[:MOST].tolist():
                self._written(cache, int(some[i]))

    def _written(self, cache: Cache, place: int) -> None:
        size, start = cache.shape.obj_size, 4 * place + cache.shape.obj_offset
        data, right = self._memory.ram.read(start, size), poison(POISON_FREE, size)
        at = next(i for i in range(size) if data[i] != right[i])
        text = f"is {data[at]:#04x}, should be {right[at]:#04x}: written to while it is free"
        if cache.flags & SLAB_STORE_USER:
            user = self._memory.w[place + (cache.shape.buffer_size >> 2) - 1]
            text += f", freed at {user:08x}" if user else ""
        self._damage(cache, place, f"byte {at}", text)
