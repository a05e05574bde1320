"""Waiting until nobody can be reading any more (kernel/rcupdate.c, 2.6.20), for slabs of SLAB_DESTROY_BY_RCU caches.

A reader does not give way. So when every CPU that was at work has changed its task once, or become idle, no one holds
what was there before: the slabs on `rcu_slabs` are given back. `rcu_cpumask` has the CPUs that are waited for.
"""

from __future__ import annotations

from mm.layout import Layout
from mm.list import Words, init_list_head, list_add_tail, list_del, list_for_each
from mm.sched import Scheduler
from mm.slab import SlabAllocator


class Rcu:
    """Puts slabs off, and gives them back."""

    def __init__(self, w: Words, layout: Layout, sched: Scheduler, slab: SlabAllocator) -> None:
        self._w = w
        self._sched = sched
        self._slab = slab
        self._slabs = layout.va("rcu_slabs")
        self._mask = (layout.va("rcu_cpumask") ^ 0xC0000000) >> 2
        self._online = (layout.va("nr_cpus_online") ^ 0xC0000000) >> 2

    def init(self) -> None:
        """Nothing waits."""
        init_list_head(self._w, self._slabs)

    def defer(self, slab: int) -> bool:
        """Keep a slab until all readers are gone. False, and nothing is done, where no task is at work."""
        cpus = range(self._w[self._online])
        mask = sum(1 << cpu for cpu in cpus if self._sched.at_work(cpu))
        if not mask or not self._sched.serves_task():
            return False
        list_add_tail(self._w, slab, self._slabs)
        self._w[self._mask] = mask
        return True

    def quiescent(self, cpu: int) -> None:
        """A CPU changes its task. The last one that was waited for ends the grace period."""
        w = self._w
        w[self._mask] &= ~(1 << cpu)
        if not w[self._mask]:
            for slab in list(list_for_each(w, self._slabs)):
                list_del(w, slab)
                self._slab.free_deferred(slab)

    def synchronize(self, cachep: int) -> None:
        """Return when no slab of a cache waits; while one does, the call sleeps and runs again."""
        if any(self._slab.cache_of(slab) == cachep for slab in list_for_each(self._w, self._slabs)):
            self._sched.try_later()
