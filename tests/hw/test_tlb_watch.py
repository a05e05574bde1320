"""The watch over CPUs on a bare machine: every kind of access, of change and of invalidation, by real instructions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hw import EngineError
from hw.paging import RW, Access, D, G, P
from hw.tlb_watch import StaleUse, TlbWatch

FRAME, OTHER = 0x20_0000, 0x20_1000
SCRATCH = 0x4000_0000
AT = 0x1300


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


class Watched:
    """A Bench under watch, with FRAME mapped at its SCRATCH. Code goes to AT, 256 bytes after the last one."""

    def __init__(self, bench, capacity: int | None = None) -> None:
        self.bench, self.cpu, self.page = bench, bench.cpu, bench.SCRATCH
        self.uses: list[StaleUse] = []
        self.time = 0
        self.table = bench.table(self.page)
        self.map(FRAME | P | RW)
        self.eip = AT
        self.cpu.on_exception = self.on_exception
        self.faults: list[tuple[int, int, int]] = []
        self.watch = TlbWatch(bench.ram, bench.machine.cpus, capacity, self.on_stale,
                              lambda offset: (0x1234, f"call {offset}"), lambda: self.time)

    def on_stale(self, use: StaleUse) -> None:
        self.uses.append(use)

    def on_exception(self, frame) -> None:
        self.faults.append((frame.vector, frame.error_code, frame.cr2))
        self.map(FRAME | P | RW)

    def map(self, entry: int, page: int = 0) -> None:
        self.bench.words[(self.table >> 2) + page] = entry

    def store_entry(self, entry: int, page: int = 0) -> bytes:
        """mov dword [PTE], entry"""
        return b"\xc7\x05" + word(self.table + 4 * page) + word(entry)

    def run(self, code: bytes, cpu=None) -> list[StaleUse]:
        """What is reported while ``code`` runs."""
        before, self.eip = len(self.uses), self.eip + 0x100
        cpu = cpu or self.cpu
        self.bench.code(self.eip, code + b"\x90" * 4)
        cpu.invalidate_code(self.eip, len(code) + 4)
        assert cpu.run(self.eip, self.eip + len(code)) == "until"
        return self.uses[before:]

    @property
    def load(self) -> bytes:
        return self.bench.load(self.page + 0x10)

    @property
    def store(self) -> bytes:
        return self.bench.store(self.page + 0x20)


@pytest.fixture
def watched(bench) -> Watched:
    return Watched(bench)


INVLPG = b"\x0f\x01\x3d"
RELOAD_CR3 = b"\x0f\x20\xd8\x0f\x22\xd8"
TOGGLE_PGE = (b"\x0f\x20\xe0\x34\x80\x0f\x22\xe0") * 2


def test_a_store_to_an_entry(watched: Watched) -> None:
    """Who, when, what and where, to the byte."""
    watched.run(watched.load)
    watched.time = 77
    (use,) = watched.run(b"\x90" + watched.store_entry(OTHER | P | RW) + watched.store)
    assert (use.linear, use.access, use.from_user) == (watched.page + 0x20, Access.WRITE, False)
    assert use.eip == watched.eip + 11
    assert use.entry.cached.pa == FRAME and use.now.pa == OTHER
    change = use.entry.change
    assert change and (change.address, change.cpu, change.eip, change.call, change.time) == (
        watched.table, 0, watched.eip + 1, "", 77)
    assert change.old & ~0x60 == FRAME | P | RW and change.new == OTHER | P | RW
    assert watched.bench.words[OTHER + 0x20 >> 2] == watched.cpu["eax"], "it goes on by the tables"


@pytest.mark.parametrize(
    ("entry", "drop", "reported"),
    [
        (P | RW, b"", True),
        (P | RW, "invlpg", False),
        (P | RW, "invlpg prefixed", False),
        (P | RW, "invlpg by register", False),
        (P | RW, "invlpg of the next page", True),
        (P | RW, RELOAD_CR3, False),
        (P | RW | G, b"", True),
        (P | RW | G, "invlpg", False),
        (P | RW | G, RELOAD_CR3, True),
        (P | RW | G, TOGGLE_PGE, False),
    ],
)
def test_what_the_guest_drops(watched: Watched, entry: int, drop: bytes | str, reported: bool) -> None:
    page = word(watched.page + 0x123)
    codes = {
        "invlpg": INVLPG + page, "invlpg prefixed": b"\x3e" + INVLPG + page,
        "invlpg by register": b"\xbb" + word(watched.page - 0x10) + b"\x0f\x01\x7b\x10",
        "invlpg of the next page": INVLPG + word(watched.page + 4096),
    }  # fmt: skip
    code = codes[drop] if isinstance(drop, str) else drop
    watched.map(FRAME | entry)
    watched.run(watched.load)
    assert len(watched.run(watched.store_entry(OTHER | entry) + code + watched.load)) == reported


@pytest.mark.parametrize(
    ("drop", "left"),
    [
        (lambda cpu: cpu.flush_tlb(), 0),
        (lambda cpu: cpu.flush_tlb_page(SCRATCH + 5), 0),
        (lambda cpu: cpu.flush_tlb_page(0), 1),
        (lambda cpu: cpu.__setitem__("cr3", cpu["cr3"]), 0),
        (lambda cpu: cpu.__setitem__("cr4", cpu["cr4"] ^ 0x80), 0),
        (lambda cpu: cpu.__setitem__("cr2", 0), 1),
    ],
)
def test_what_the_host_drops(watched: Watched, drop: Callable, left: int) -> None:
    watched.run(watched.load)
    watched.map(OTHER | P | RW)
    drop(watched.cpu)
    assert len(watched.watch.stale(0)) == left
    assert len(watched.run(watched.load)) == left


def test_changes_by_the_host(watched: Watched) -> None:
    """Between runs, in a device's callback, and before a run within it."""
    watched.run(watched.load)
    watched.map(OTHER | P | RW)
    (use,) = watched.run(watched.load)
    assert use.entry.change and use.entry.change.call == "call None"

    def on_write(offset: int, size: int, value: int) -> None:
        watched.map(OTHER + 0x1000 | P | RW)

    watched.bench.on_write = on_write
    (use,) = watched.run(watched.load + watched.bench.store(watched.bench.TRAP + 8) + watched.load)
    assert use.entry.change and (use.entry.change.call, use.entry.change.eip) == ("call 8", 0x1234)

    def nested(offset: int, size: int, value: int) -> None:
        watched.map(OTHER | P | RW)
        watched.bench.code(0x3000, watched.store + b"\x90\x90")
        watched.cpu.invalidate_code(0x3000, 8)
        watched.cpu.run(0x3000, 0x3000 + len(watched.store))
        assert len(watched.uses) == count + 1

    watched.bench.on_write, count = nested, len(watched.uses)
    assert len(watched.run(watched.bench.store(watched.bench.TRAP + 8) + watched.load)) == 1


def test_an_access_that_faults_is_reported_and_faults(watched: Watched) -> None:
    watched.run(watched.load)
    (use,) = watched.run(watched.store_entry(0) + watched.store)
    assert use.now.pa is None and watched.faults == [(14, 2, watched.page + 0x20)]
    assert watched.run(watched.store) == [], "the fault has dropped it"


def test_faults_of_every_kind_arrive_as_without_a_watch(watched: Watched) -> None:
    for entry, code, error in ((0, watched.load, 0), (FRAME | P, watched.store, 3), (0, watched.store, 2)):
        watched.map(entry)
        watched.cpu.flush_tlb()
        watched.run(code + watched.load + watched.store)
        assert watched.faults[-1][:2] == (14, error)
    watched.run(b"\xcd\x30")
    assert watched.faults[-1][0] == 0x30 and watched.uses == []


def test_many_faults_and_nested_ones(watched: Watched) -> None:
    for _ in range(50):
        watched.map(0)
        watched.cpu.flush_tlb()
        watched.run(watched.load)
    assert len(watched.faults) == 50

    def on_write(offset: int, size: int, value: int) -> None:
        watched.map(0)
        watched.cpu.flush_tlb()
        watched.bench.code(0x3000, watched.store + b"\x90\x90")
        watched.cpu.invalidate_code(0x3000, 8)
        watched.cpu.run(0x3000, 0x3000 + len(watched.store))

    watched.bench.on_write = on_write
    watched.run(watched.bench.store(watched.bench.TRAP + 8) + watched.load)
    assert len(watched.faults) == 51 and watched.uses == []


def test_fetches(watched: Watched) -> None:
    """A page of code is exchanged under a program that has run in it."""
    for frame, value in ((FRAME, 1), (OTHER, 2)):
        watched.bench.code(frame, b"\xb8" + word(value) + b"\xc3")
    call = b"\xbb" + word(watched.page) + b"\xff\xd3"
    assert watched.run(call) == [] and watched.cpu["eax"] == 1
    (use,) = watched.run(watched.store_entry(OTHER | P | RW) + call)
    assert (use.linear, use.access, use.eip) == (watched.page, Access.FETCH, watched.page)
    assert watched.cpu["eax"] == 2


def test_push_string_and_crossing_accesses(watched: Watched) -> None:
    watched.map(FRAME + 0x4000 | P | RW, 1)
    esp = watched.cpu["esp"]
    stack = b"\xbc" + word(watched.page + 0x800) + b"\x50\xbc" + word(esp)  # mov esp; push eax; mov esp
    string = b"\xbf" + word(watched.page + 0x100) + b"\xb9" + word(8) + b"\xf3\xab"  # mov edi; mov ecx; rep stosd
    crossing = b"\xa1" + word(watched.page + 0xFFE)
    for number, code in enumerate((stack, string, crossing)):
        watched.run(code)
        (use,) = watched.run(watched.store_entry((OTHER, FRAME)[number % 2] | P | RW) + code)
        assert use.linear & ~0xFFF == watched.page
    watched.run(crossing)
    (use,) = watched.run(watched.store_entry(FRAME + 0x5000 | P | RW, 1) + crossing)
    assert use.linear == watched.page + 0x1000


def test_stores_in_a_row(watched: Watched) -> None:
    """Two entries changed by two instructions, with nothing between them; and one changed back before it is used."""
    for page in (0, 1, 2):
        watched.map(FRAME + page * 4096 | P | RW, page)
        watched.run(watched.bench.load(watched.page + page * 4096))
    code = watched.store_entry(OTHER + 0x4000 | P | RW, 0) + watched.store_entry(OTHER + 0x5000 | P | RW, 1)
    code += watched.store_entry(OTHER | P | RW, 2) + watched.store_entry(FRAME + 0x2000 | P | RW, 2)
    loads = b"".join(watched.bench.load(watched.page + page * 4096) for page in (0, 1, 2))
    uses = watched.run(code + loads)
    assert [use.linear - watched.page >> 12 for use in uses] == [0, 1]
    assert all(use.entry.change and use.entry.change.eip >= watched.eip for use in uses)


def test_flags_survive_a_fill(watched: Watched) -> None:
    """The engine asks in the middle of a block: what it has computed stays."""
    watched.cpu.flush_tlb()
    #      stc; mov eax, [page]; adc ebx, 0; cmp ebx, 1; mov [page], eax; setz cl
    code = b"\x31\xdb\x31\xc9\xf9" + watched.load + b"\x83\xd3\x00\x83\xfb\x01" + watched.store + b"\x0f\x94\xc1"
    watched.run(code)
    assert (watched.cpu["ebx"], watched.cpu["ecx"]) == (1, 1)


def test_accessed_and_dirty_flags_are_set_as_by_the_engine(watched: Watched) -> None:
    words, at = watched.bench.words, watched.table >> 2
    watched.run(watched.load)
    assert words[at] == FRAME | P | RW | 0x20
    watched.run(watched.store)
    assert words[at] == FRAME | P | RW | 0x60 and not words[at + 1]


def test_a_dirty_flag_that_is_not_set_again(watched: Watched) -> None:
    watched.run(watched.store)
    assert watched.run(watched.store_entry(FRAME | P | RW | 0x20) + watched.load) == []
    (use,) = watched.run(watched.store)
    assert use.entry.level and use.entry.new & D == 0


def test_a_page_directory_s_entry(watched: Watched) -> None:
    bench = watched.bench
    watched.run(watched.load)
    slot = bench.DIRECTORY + (watched.page >> 20)
    bench.words[0x30_0000 >> 2] = OTHER | P | RW
    (use,) = watched.run(b"\xc7\x05" + word(slot) + word(0x30_0000 | P | RW) + watched.load)
    assert use.entry.level and use.entry.level.name == "PDE" and use.entry.level.address == slot
    assert use.entry.change and use.entry.change.eip == watched.eip


def test_another_address_space(watched: Watched) -> None:
    """A global page that another directory maps elsewhere."""
    bench, words = watched.bench, watched.bench.words
    watched.map(FRAME | P | RW | G)
    watched.run(watched.load)
    for at in range(1024):
        words[(0x31_0000 >> 2) + at] = words[(bench.DIRECTORY >> 2) + at]
    words[(0x31_0000 >> 2) + (watched.page >> 22)] = 0x30_0000 | P | RW
    words[0x30_0000 >> 2] = OTHER | P | RW | G
    (use,) = watched.run(b"\xb8" + word(0x31_0000) + b"\x0f\x22\xd8" + watched.load)
    assert use.entry.level is None and use.entry.change is None


def test_cpus_have_tlbs_of_their_own(make_bench) -> None:
    watched = Watched(make_bench(64, cpus=2))
    first, second = watched.bench.machine.cpus
    for cpu in (first, second):
        assert watched.run(watched.load, cpu) == []
    watched.run(watched.store_entry(OTHER | P | RW) + INVLPG + word(watched.page), first)
    assert [len(watched.watch.stale(number)) for number in (0, 1)] == [0, 1]
    assert watched.run(watched.load, first) == []
    (use,) = watched.run(watched.load, second)
    assert use.entry.cpu == 1 and use.entry.change and use.entry.change.cpu == 0


@pytest.mark.parametrize(("capacity", "reported"), [(8, False), (32, True)])
def test_capacity(bench, capacity: int, reported: bool) -> None:
    watched = Watched(bench, capacity)
    watched.run(watched.load)
    for page in range(1, 9):
        watched.map(FRAME + page * 4096 | P | RW, page)
        watched.run(bench.load(watched.page + page * 4096))
    watched.map(OTHER | P | RW)
    assert bool(watched.run(watched.load)) == reported
    assert len(watched.watch.cached(0)) <= capacity


def test_what_the_host_looks_at_is_no_access(watched: Watched) -> None:
    watched.cpu.invalidate_code(watched.page, 16)
    assert watched.watch.cached(0) == []
    watched.map(OTHER | P | RW)
    assert watched.run(watched.load) == []


def test_an_error_in_a_report_ends_the_run(watched: Watched) -> None:
    def fail(use: StaleUse) -> None:
        raise EngineError("no")

    watched.run(watched.load)
    watched.map(OTHER | P | RW)
    watched.watch._on_stale = fail
    with pytest.raises(EngineError, match="^no$"):
        watched.run(watched.load)
    assert watched.run(watched.load) == []


def test_paging_switched_off_and_on(watched: Watched) -> None:
    """Nothing survives it, and without paging nothing is cached."""
    watched.run(watched.load)
    code = b"\x0f\x20\xc0\x25\xff\xff\xff\x7f\x0f\x22\xc0"  # mov eax, cr0; and eax, ~PG; mov cr0, eax
    code += watched.store_entry(OTHER | P | RW)
    code += b"\x0d\x00\x00\x00\x80\x0f\x22\xc0"  # or eax, PG; mov cr0, eax
    assert watched.run(code + watched.load) == []
