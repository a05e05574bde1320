"""Giving free objects and slabs back as time passes (cache_reap in mm/slab.c, 2.6.20)."""

from __future__ import annotations

from collections.abc import Callable

from mm.layout import Layout
from mm.list import Words, list_del, list_empty
from mm.slab_objects import SlabObjects
from mm.time import HZ

REAPTIMEOUT_CPUC = 2 * HZ
REAPTIMEOUT_LIST3 = 4 * HZ

_AVAIL, _LIMIT, _BATCH, _TOUCHED = range(4)  # words of struct array_cache


class SlabReap(SlabObjects):
    """What leaves the caches though nobody asks for it."""

    def cache_reap(self) -> None:
        """Drain the arrays of the CPU at work; once in REAPTIMEOUT_LIST3 also the shared ones and the free slabs.

        What was in use since the last time stays as it is.
        """
        w = self._w
        for cachep in self.caches():
            c = (cachep ^ 0xC0000000) >> 2
            i = (w[c + self._nodelists] ^ 0xC0000000) >> 2
            self._drain_array(cachep, w[c + self._traps.cpu])
            if (w[self._jiffies] - w[i + self._next_reap] & 0xFFFFFFFF) >> 31:
                continue
            w[i + self._next_reap] = w[self._jiffies] + REAPTIMEOUT_LIST3 & 0xFFFFFFFF
            if shared := w[i + self._l3_shared]:
                self._drain_array(cachep, shared)
            if w[i + self._free_touched]:
                w[i + self._free_touched] = 0
            else:
                part = 5 * w[c + self._num]
                self._count_reaped(c, self._drain_freelist(cachep, (w[i + self._free_limit] + part - 1) // part))

    def _drain_array(self, cachep: int, ac: int) -> None:
        """A fifth of an array's size goes back, of the oldest objects; of fewer that there are, half."""
        w, a = self._w, (ac ^ 0xC0000000) >> 2
        avail = w[a + _AVAIL]
        if w[a + _TOUCHED] or not avail:
            w[a + _TOUCHED] = 0
            return
        count = (w[a + _LIMIT] + 4) // 5
        if count > avail:
            count = (avail + 1) // 2
        first = a + self._entry
        objects = w[first : first + count].tolist()
        w[a + _AVAIL] = avail - count
        w[first : first + avail - count] = w[first + count : first + avail]
        self._free_block(cachep, objects)

    def _count_reaped(self, c: int, slabs: int) -> None:
        """STATS_ADD_REAPED, for who keeps statistics."""

    def _drain_freelist(self, cachep: int, most: int) -> int:
        """drain_freelist: give back up to `most` slabs that have no objects in use, the last of the list first.

        Their number.
        """
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        l3 = w[c + self._nodelists]
        i = (l3 ^ 0xC0000000) >> 2
        freed = 0
        while freed < most and not list_empty(w, l3 + self._free):
            slab = w[((l3 + self._free ^ 0xC0000000) >> 2) + 1]
            list_del(w, slab)
            w[i + self._free_objects] = w[i + self._free_objects] - w[c + self._num] & 0xFFFFFFFF
            self._slab_destroy(cachep, slab)
            freed += 1
        return freed


class ReapTimers:
    """The timer of every CPU that has it call cache_reap.

    mod_timer(timer, jiffy): of the scheduler. on_cpu(cpu, action) does something as a CPU, depth() is the number of
    guest functions at work on it. In 2.6.20 a thread of the kernel's does this work, which never runs in the middle of
    another call: there it is left out until the next time, as where cache_chain_mutex is taken.
    """

    def __init__(
        self, w: Words, layout: Layout, slab: SlabReap, mod_timer: Callable[[int, int], int],
        on_cpu: Callable[[int, Callable[[], None]], None], depth: Callable[[], int],
    ) -> None:  # fmt: skip
        self._w = w
        self._slab = slab
        self._mod_timer = mod_timer
        self._on_cpu = on_cpu
        self._depth = depth
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        self._timers = layout.va("reap_work")
        self._fields = layout["timer_list"]
        self._function = layout.va("cache_reap")

    def start_cpu_timer(self, cpu: int) -> None:
        """A CPU begins to reap, one second after it has come up."""
        timer = self._timers + cpu * self._fields.size
        t = (timer ^ 0xC0000000) >> 2
        self._w[t + self._fields.word("function")], self._w[t + self._fields.word("data")] = self._function, cpu
        self._set(cpu, HZ + 3 * cpu)

    def _set(self, cpu: int, jiffies: int) -> None:
        self._mod_timer(self._timers + cpu * self._fields.size, self._w[self._jiffies] + jiffies & 0xFFFFFFFF)

    def expired(self, cpu: int) -> None:
        """The timer's function."""
        self._set(cpu, REAPTIMEOUT_CPUC)
        self._on_cpu(cpu, self._reap)

    def _reap(self) -> None:
        if self._depth() < 2:
            self._slab.cache_reap()
