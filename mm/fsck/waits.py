"""Who waits where: the kernel's own wait queues, kswapd, and what reclaim will ask."""

from __future__ import annotations

from mm.fsck.areas import Areas
from mm.fsck.caches import Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import Memory, View, shown
from mm.layout import MAX_ORDER, THREAD_SIZE
from mm.sched import TIF_NEED_RESCHED, TIF_SIGPENDING
from mm.traps import TIF_MEMDIE

KILLED = {TIF_SIGPENDING | more for more in (0, TIF_MEMDIE, TIF_NEED_RESCHED, TIF_MEMDIE | TIF_NEED_RESCHED)}
"""thread_info->flags of a task that is to end."""


def check_waits(memory: Memory, tasks: list[int], waiting: set[int]) -> None:
    """Check the queues that tasks wait on inside calls, and who was killed.

    tasks: all but the first. waiting: those that wait for pages.
    """
    layout = memory.layout
    pgdat = layout.va("contig_page_data")
    pkmap_wait = layout.va("pkmap_map_wait")
    waiting = waiting | walk_queue(memory, ("contig_page_data", pgdat, "kswapd_wait"), tasks)
    waiting |= walk_queue(memory, ("pkmap_map_wait", pkmap_wait, ""), tasks)
    for task in tasks:
        view = View(memory, "task_struct", task, "struct task_struct")
        view.want("wait.flags", 0)
        if task not in waiting and (view["wait.task_list.next"] or view["wait.task_list.prev"]):
            view.bad("wait.task_list", "is linked, and in no queue")
        if view["wait.private"] not in (0, task):
            view.bad("wait.private", f"is {view['wait.private']:08x}, should be the task")
        if view["wait.func"] not in (0, layout.va("autoremove_wake_function")):
            view.bad("wait.func", f"is {view['wait.func']:08x}, which no waiting task has")
    node = View(memory, "pglist_data", pgdat, "contig_page_data")
    if node["kswapd"] not in tasks:
        node.bad("kswapd", f"is {node['kswapd']:08x}, which is no task")
    node.within("kswapd_max_order", 0, MAX_ORDER - 1)
    info, flags = memory.offset("task_struct", "thread_info"), memory.offset("thread_info", "flags")
    stacks = [stack for task in tasks if memory.has(stack := memory.word(task + info), THREAD_SIZE)]
    killed = sum(memory.word(stack + flags) in KILLED for stack in stacks)
    paused = [task for task in tasks if memory.word(task + memory.offset("task_struct", "pauses"))]
    if (said := memory.variable("work_pending")) != killed + len(paused):
        text = f"is {shown(said)}, {killed} tasks are to end and {len(paused)} have paused"
        variable_damage(memory, "work_pending", text)
        if said == killed + len(paused) - 1:
            for task in paused:
                view = View(memory, "task_struct", task, "struct task_struct")
                view.bad("pauses", f"is {shown(view['pauses'])}, or work_pending is one too low")
    if readers := memory.variable("shrinker_readers"):
        variable_damage(memory, "shrinker_readers", f"is {shown(readers)}, and no shrinker is at work")


def walk_queue(memory: Memory, owner: tuple[str, int, str], tasks: list[int]) -> set[int]:
    """The tasks that wait on a queue of the kernel's own; owner: the structure, its address, and the queue's field."""
    link = memory.offset("task_struct", "wait.task_list")
    _, queue, field = owner
    queue += memory.offset("pglist_data", field) if field else 0
    entries = memory.walk(
        queue + memory.offset("wait_queue_head", "task_list"), owner,
        lambda entry: entry - link in tasks, lambda entry: ("struct task_struct", entry - link, "wait.task_list"),
    )  # fmt: skip
    return {entry - link for entry in entries}


def check_shrinkers(memory: Memory, objects: Objects, areas: Areas) -> None:
    """Check the registered shrinkers."""
    layout = memory.layout
    head, offset = layout.va("shrinker_list"), memory.offset("shrinker", "list")
    size = layout["shrinker"].size
    entries = memory.walk(
        head, ("shrinker_list", head, "list"), lambda entry: memory.has(entry - offset, size),
        lambda entry: ("struct shrinker", entry - offset, "list"),
    )  # fmt: skip
    for entry in entries:
        va = entry - offset
        if objects.use(va, objects.general(size), "a shrinker", "struct shrinker", va, ""):
            shrinker = View(memory, "shrinker", va, "struct shrinker")
            shrinker.within("nr", 0, 0x7FFFFFFF)
            if not any(area.addr <= shrinker["shrinker"] < area.addr + area.size for area in areas.areas):
                shrinker.bad("shrinker", f"is {shrinker['shrinker']:08x}, where no program is")
