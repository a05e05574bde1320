"""The windows onto memory as data: the slots of kmap and kmap_atomic and who holds them, and the fixmap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mm.fixmap import FIX_KMAP_BEGIN, KM_TYPES, fix_to_virt, pkmap_base, slot_names
from mm.fork import Tasks
from mm.layout import PAGE_SHIFT, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.pgtable import PAGE_PRESENT, PageTables

UNKNOWN = "unknown: --page-owner off"
_MOST_HOLDERS = 16  # in the report of a deadlock


def holder_words(pid: int, comm: str, place: str) -> str:
    """Who holds a slot. comm: "" of a task that has ended; place: "" where the kernel itself called kmap."""
    task = f"{comm} (pid {pid})" if comm else f"pid {pid} (ended)"
    return f"{task} in {place}" if place else f"{task}, the kernel itself"


@dataclass(frozen=True, slots=True)
class KmapHolder:
    """Who mapped a slot last. comm: "" where that task has ended. caller: return address of its kmap, 0 where the
    kernel itself called it.
    """

    pid: int
    comm: str
    caller: int

    def words(self, name: Callable[[int], str]) -> str:
        """'cp (pid 7) in main+0x4/0x20'; name(va) gives the words for an address."""
        return holder_words(self.pid, self.comm, name(self.caller) if self.caller else "")


@dataclass(frozen=True, slots=True)
class KmapSlot:
    """A slot of the kmap window. count: pkmap_count, 1 more than it has users; 0 where it is free, 1 where only the
    mapping still stands. pfn, page: what is mapped there. holder: None for a free slot, and with --page-owner off.
    """

    nr: int
    address: int
    count: int
    pfn: int | None
    page: int | None
    holder: KmapHolder | None

    @property
    def users(self) -> int:
        """How many use it now."""
        return max(0, self.count - 1)

    @property
    def state(self) -> str:
        """"free", "unused" (no user, but mapped until the search wraps) or "in use"."""
        return ("free", "unused")[self.count] if self.count < 2 else "in use"


@dataclass(frozen=True, slots=True)
class AtomicSlot:
    """A slot of kmap_atomic that is in use."""

    cpu: int
    km_type: str
    address: int
    pfn: int


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task. preempt_count: 1 for each kmap_atomic, spinlock and preempt_disable that it is in, more in interrupts."""

    pid: int
    comm: str
    preempt_count: int


@dataclass(frozen=True, slots=True)
class KmapState:
    """The kmap window and the kmap_atomic slots.

    last_pkmap_nr: where the search stopped last. until_wrap: free slots between there and the wrap, at which every
    unused one becomes free. owners_known: whether the kernel notes who maps. waiting: tasks that sleep for a slot.
    atomic_tasks: those with a preempt_count.
    """

    base: int
    slots: list[KmapSlot]
    last_pkmap_nr: int
    until_wrap: int
    owners_known: bool
    waiting: list[TaskState]
    atomic: list[AtomicSlot]
    atomic_tasks: list[TaskState]

    def holders(self) -> list[tuple[KmapHolder | None, int]]:
        """Who mapped the slots in use last, and how many of them; the most first."""
        return Counter(slot.holder for slot in self.slots if slot.count > 1).most_common()


@dataclass(frozen=True, slots=True)
class FixmapSlot:
    """A slot of the fixmap. pte: its entry, 0 where nothing is mapped. pfn: the frame; is_ram: whether it is RAM."""

    index: int
    name: str
    address: int
    pte: int
    pfn: int | None
    is_ram: bool


class KmapInspector:
    """Reads the windows. is_ram(pfn): whether the frame is RAM that the kernel has."""

    def __init__(
        self, w: Words, layout: Layout, pages: PageAllocator, tables: PageTables, tasks: Tasks,
        is_ram: Callable[[int], bool],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._pages = pages
        self._tables = tables
        self._tasks = tasks
        self._is_ram = is_ram

    def _index(self, symbol: str) -> int:
        return (self._layout.va(symbol) ^ 0xC0000000) >> 2

    def kmap(self) -> KmapState:
        """The window as it is."""
        last, counts = self._w[self._index("last_pkmap_nr")], self._counts()
        return KmapState(
            pkmap_base(self._layout), list(self._slots(counts)), last, counts[last + 1 :].count(0),
            self._layout.page_owner, [self._task(task) for task in self._waiting()], list(self._atomic()),
            [task for task in map(self._task, self._tasks.each()) if task.preempt_count],
        )  # fmt: skip

    def _counts(self) -> list[int]:
        at = self._index("pkmap_count")
        return self._w[at : at + self._layout.last_pkmap].tolist()

    def _slots(self, counts: list[int]) -> Iterator[KmapSlot]:
        base, table = pkmap_base(self._layout), self._w[self._index("pkmap_page_table")]
        holders = self._holders() if self._layout.page_owner else [None] * len(counts)
        for nr, (count, holder) in enumerate(zip(counts, holders)):
            pte = self._tables.read(table + nr * self._tables.pte_size)
            pfn = self._tables.pte_pfn(pte) if pte & PAGE_PRESENT else None
            page = None if pfn is None else self._pages.pfn_to_page(pfn)
            yield KmapSlot(nr, base + (nr << PAGE_SHIFT), count, pfn, page, holder if count else None)

    def _holders(self) -> Iterator[KmapHolder]:
        at = self._index("pkmap_owners")
        words = self._w[at : at + 2 * self._layout.last_pkmap].tolist()
        names = {task.pid: task.comm for task in map(self._task, self._tasks.each())} | {0: "swapper"}
        for pid, caller in zip(words[::2], words[1::2]):
            yield KmapHolder(pid, names.get(pid, ""), caller)

    def _task(self, task: int) -> TaskState:
        info = self._layout["thread_info"].word("preempt_count")
        count = self._w[((self._tasks.stack(task) ^ 0xC0000000) >> 2) + info]
        pid = self._w[((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("pid")]
        return TaskState(pid, self._tasks.comm(task), count)

    def _waiting(self) -> Iterator[int]:
        """The tasks that wait for a slot."""
        head = self._layout.va("pkmap_map_wait") + self._layout["wait_queue_head"].offset("task_list")
        entry = self._layout["task_struct"].offset("wait") + self._layout["__wait_queue"].offset("task_list")
        for link in list_for_each(self._w, head):
            yield link - entry

    def _atomic(self) -> Iterator[AtomicSlot]:
        for cpu in range(self._layout.nr_cpus):
            for n, km_type in enumerate(KM_TYPES):
                va = fix_to_virt(FIX_KMAP_BEGIN + n + len(KM_TYPES) * cpu)
                if pte := self._tables.get_pte(va):
                    yield AtomicSlot(cpu, km_type, va, self._tables.pte_pfn(pte))

    def fixmap(self) -> list[FixmapSlot]:
        """Every slot of the fixmap, by index."""
        return [self._fixmap_slot(index, name) for index, name in enumerate(slot_names(self._layout))]

    def _fixmap_slot(self, index: int, name: str) -> FixmapSlot:
        pte = self._tables.get_pte(fix_to_virt(index))
        pfn = self._tables.pte_pfn(pte) if pte & PAGE_PRESENT else None
        return FixmapSlot(index, name, fix_to_virt(index), pte, pfn, pfn is not None and self._is_ram(pfn))

    def deadlock(self, name: Callable[[int], str]) -> list[str]:
        """Lines for the report of a deadlock: where tasks wait for a kmap slot, who holds the slots.

        name(va) gives the words for an address.
        """
        state = self.kmap()
        if not state.waiting:
            return []
        who = "1 task waits" if len(state.waiting) == 1 else f"{len(state.waiting)} tasks wait"
        in_use = sum(slot.count > 1 for slot in state.slots)
        lines = [f"{who} for a kmap slot; {in_use} of {len(state.slots)} are in use, and were mapped last by"]
        holders = state.holders()
        for holder, count in holders[:_MOST_HOLDERS]:
            lines.append(f"  {count:4d}  {holder.words(name) if holder else UNKNOWN}")
        if left := sum(count for _, count in holders[_MOST_HOLDERS:]):
            lines.append(f"  {left:4d}  others")
        return lines
