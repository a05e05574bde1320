"""What a task has besides its stack and its address space: objects of which only the counts are in use."""

from __future__ import annotations

import numpy as np

from mm.fork import KTHREAD_FLAGS, PARTS
from mm.fsck.caches import Objects
from mm.fsck.memory import MOST, Memory, View, shown
from mm.kernel_caches import TABLE

_CACHES = {name: variable.replace("cachep", "cache") for name, variable, _ in PARTS}


def check_parts(memory: Memory, objects: Objects, task: View, whole: bool) -> None:
    """Check what a task points to. whole: it shares nothing; else it is a kernel thread, or the first task."""
    first = task.va == memory.layout.va("init_task")
    for name, _, flag in PARTS:
        if first or not whole and flag & KTHREAD_FLAGS:
            task.want(name, 0)
            continue
        task.free(name)
        cache, user = _CACHES[name], f"the {name} of pid {shown(task['pid'])}"
        if objects.use(task[name], cache, user, task.title, task.va, name):
            _check_part(memory, cache, task[name], name)


def _check_part(memory: Memory, cache: str, va: int, name: str) -> None:
    title = f"struct {name}_struct"
    words = memory.block(va, TABLE[cache].size(memory.layout) >> 2)
    if words[0] != 1:
        memory.damage(title, va, "count", f"is {shown(int(words[0]))}, should be 1")
    for i in (np.flatnonzero(words[1:]) + 1).tolist()[:MOST]:
        memory.damage(title, va, f"word {i}", f"is {shown(int(words[i]))}, should be 0")


def check_no_strays(memory: Memory, objects: Objects) -> None:
    """Check that each of these objects is a task's."""
    for name, cache in _CACHES.items():
        for va in objects.unused(cache)[:MOST]:
            memory.damage(f"struct {name}_struct", va, "", "is allocated, and of no task")
