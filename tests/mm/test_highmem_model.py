"""kmap against a straightforward model of pkmap, and what the record of the last user says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guest.kernel import Kernel
from hw.machine import Machine
from mm.errors import KernelBug
from mm.fixmap import KM_TYPES, pkmap_base, slot_names, virt_to_fix
from mm.fsck import fsck
from mm.gfp import GFP_HIGHUSER
from mm.layout import PAGE_SIZE
from mm.setup import BootOptions

CONFIGURATIONS: list[dict[str, Any]] = [
    {"page_owner": owner, "pae": pae} for owner in (True, False) for pae in (False, True)
]


def name(options: dict[str, Any]) -> str:
    return ",".join(key for key, value in options.items() if value) or "neither"


@dataclass
class Model:
    """The window in words of the manual: where a page is, how often a slot is in use, where the search stands."""

    slots: int
    counts: list[int] = field(default_factory=list)
    where: dict[int, int] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    last: int = 0
    flushes: int = 0

    def __post_init__(self) -> None:
        self.counts = [0] * self.slots

    def kmap(self, page: int, caller: int) -> bool:
        """Whether there was a slot."""
        if page not in self.where:
            slot = self._search()
            if slot is None:
                return False
            self.where[page], self.counts[slot] = slot, 1
        self.counts[self.where[page]] += 1
        self.owners[self.where[page]] = caller
        return True

    def kunmap(self, page: int) -> None:
        self.counts[self.where[page]] -= 1

    def _search(self) -> int | None:
        looked_at = 0
        while looked_at < self.slots:
            self.last = (self.last + 1) % self.slots
            if self.last == 0:
                self._flush()
                looked_at = 0
            if self.counts[self.last] == 0:
                return self.last
            looked_at += 1
        return None

    def _flush(self) -> None:
        self.flushes += 1
        self.where = {page: slot for page, slot in self.where.items() if self.counts[slot] != 1}
        self.counts = [0 if count == 1 else count for count in self.counts]
        self.owners = {slot: caller for slot, caller in self.owners.items() if self.counts[slot]}


class Both:
    """A machine and the model, and a check that they agree."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.model = Model(kernel.layout.last_pkmap)
        self.pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(kernel.layout.last_pkmap + 40)]
        self.users: list[int] = []

    def kmap(self, page: int, caller: int = 0xF8800040) -> None:
        self.kernel.traps.caller = caller
        try:
            if self.model.kmap(page, caller):
                va = self.kernel.highmem.kmap(page)
                assert va == pkmap_base(self.kernel.layout) + self.model.where[page] * PAGE_SIZE
                self.users.append(page)
            else:
                with pytest.raises(KernelBug):
                    self.kernel.highmem.kmap(page)
        finally:
            self.kernel.traps.caller = 0

    def kunmap(self, number: int) -> None:
        if self.users:
            page = self.users.pop(number % len(self.users))
            self.model.kunmap(page)
            self.kernel.highmem.kunmap(page)

    def agree(self, flushes: int) -> None:
        kernel, model = self.kernel, self.model
        state = kernel.kmap_state()
        assert [slot.count for slot in state.slots] == model.counts
        assert (state.last_pkmap_nr, flushes) == (model.last, model.flushes)
        assert state.until_wrap == model.counts[model.last + 1 :].count(0)
        base = pkmap_base(kernel.layout)
        for page in self.pages:
            slot = model.where.get(page)
            assert kernel.highmem.page_address(page) == (0 if slot is None else base + slot * PAGE_SIZE)
            if slot is not None:
                pfn = kernel.page_alloc.page_to_pfn(page)
                assert (state.slots[slot].pfn, state.slots[slot].page) == (pfn, page)
                assert kernel.tables.translate(base + slot * PAGE_SIZE) == pfn * PAGE_SIZE
        for each in state.slots:
            holder = each.holder
            if state.owners_known:
                assert (holder.caller if holder else None) == model.owners.get(each.nr)
            else:
                assert holder is None
        assert fsck(kernel.ram).damages == []


MANY = st.sampled_from((1, 7, 100, 511, 700, 1030))
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("kmap"), st.integers(0, 60)),
        st.tuples(st.just("kunmap"), st.integers(0, 60)),
        st.tuples(st.just("use"), MANY),  # so many others, one after the other
        st.tuples(st.just("hold"), MANY),
        st.tuples(st.just("give back"), MANY),
    ),
    min_size=4, max_size=14,
)  # fmt: skip


@pytest.mark.variants
@pytest.mark.parametrize("options", CONFIGURATIONS, ids=name)
def test_kmap_is_the_models(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    count = [0]
    flush = Machine.flush_tlb

    def counted(machine: Machine) -> None:
        count[0] += 1
        flush(machine)

    monkeypatch.setattr(Machine, "flush_tlb", counted)

    @settings(max_examples=7)
    @given(OPERATIONS)
    def run(operations: list[tuple[str, int]]) -> None:
        with Kernel.boot(BootOptions(ram=920 << 20, **options)) as kernel:
            both = Both(kernel)
            before, position = count[0], 0
            for operation, number in operations:
                if operation == "kmap":
                    both.kmap(both.pages[number], 0xF8800000 + 4 * number)
                elif operation == "kunmap":
                    both.kunmap(number)
                else:
                    for _ in range(number):
                        if operation == "give back":
                            both.kunmap(0)
                            continue
                        position = (position + 1) % len(both.pages)
                        both.kmap(both.pages[position])
                        if operation == "use":
                            both.kunmap(-1)
            both.agree(count[0] - before)

    run()


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=name)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=920 << 20, cpus=2, **request.param)) as kernel:
        yield kernel


def test_every_slot_of_kmap_atomic(kernel: Kernel) -> None:
    """13 types on 2 CPUs, each a slot of its own; BUG where it is taken; all are seen and given back."""
    highmem, names = kernel.highmem, slot_names(kernel.layout)
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    pfn = kernel.page_alloc.page_to_pfn(page)
    mapped = []
    for cpu in range(2):
        kernel.traps.cpu = cpu
        for km_type in range(len(KM_TYPES)):
            va = highmem.kmap_atomic(page, km_type)
            mapped.append((cpu, KM_TYPES[km_type], va, pfn))
            assert names[virt_to_fix(va)] == f"FIX_KMAP {KM_TYPES[km_type]} CPU {cpu}"
            with pytest.raises(KernelBug):
                highmem.kmap_atomic(page, km_type)
            assert highmem.kmap_atomic_to_page(va + 4095) == page
    assert len({va for _, _, va, _ in mapped}) == 26
    assert [(s.cpu, s.km_type, s.address, s.pfn) for s in kernel.kmap_state().atomic] == mapped
    assert fsck(kernel.ram).clean
    for cpu, km_type, va, _ in mapped:
        kernel.traps.cpu = cpu
        other = KM_TYPES.index(km_type) - 1
        highmem.kunmap_atomic(va, other if other >= 0 else 12)  # another type: nothing but the count
        highmem.kunmap_atomic(va, KM_TYPES.index(km_type))
        assert kernel.tables.translate(va) is None
        kernel.traps.cpu = 0
    assert kernel.kmap_state().atomic == []
    assert kernel.traps.preempt_count() == 0  # 52 times up, by 26 BUGs too, and 52 times down
    kernel.page_alloc._free_pages(page, 0)
    assert fsck(kernel.ram).clean


def test_kmap_atomic_pfn_maps_lowmem_too(kernel: Kernel) -> None:
    highmem = kernel.highmem
    va = highmem.kmap_atomic_pfn(0x123, 4)
    assert kernel.tables.translate(va + 5) == 0x123005
    assert highmem.kmap_atomic_to_page(va) == kernel.page_alloc.pfn_to_page(0x123)
    assert fsck(kernel.ram).clean
    highmem.kunmap_atomic(va, 4)
    assert kernel.kmap_state().atomic == []


def test_slots_of_the_fixmap_have_names(kernel: Kernel) -> None:
    slots = kernel.fixmap_slots()
    used = [slot for slot in slots if slot.pte]
    assert [(slot.name, slot.address, slot.is_ram) for slot in used] == [("FIX_HYPERCALL", 0xFFFBD000, False)]
    assert len({slot.name for slot in slots}) == len(slots) == 3 + 64 + 26 + 5 + 16 + 1
    assert [slots[i].name for i in (0, 1, 2, 3, 65)] == [
        "FIX_HOLE", "FIX_VDSO", "FIX_APIC_BASE", "FIX_IO_APIC_BASE_0", "FIX_IO_APIC_BASE_62",
    ]  # fmt: skip
    assert [slot.name for slot in slots[-23:-16]] == [
        "FIX_KMAP KM_SOFTIRQ1 CPU 1", "FIX_ACPI_BEGIN", "FIX_ACPI_BEGIN+1", "FIX_ACPI_BEGIN+2", "FIX_ACPI_BEGIN+3",
        "FIX_PCIE_MCFG", "FIX_BTMAP_END",
    ]  # fmt: skip
    assert [slot.name for slot in slots[-2:]] == ["FIX_BTMAP_BEGIN", "FIX_WP_TEST"]


def test_set_fixmap(kernel: Kernel) -> None:
    nx = 0x80000000 if kernel.layout.pae else 0
    kernel.fixmap.set_fixmap(2, 0xFEE00000, 0x173, nx)
    kernel.fixmap.set_fixmap(len(kernel.fixmap_slots()) - 1, 0x1234567, 0x161)
    apic, wp = kernel.fixmap_slots()[2], kernel.fixmap_slots()[-1]
    assert (apic.pfn, apic.is_ram, apic.pte & 0xFFF) == (0xFEE00, False, 0x173)
    assert apic.pte >> 63 == kernel.layout.pae
    assert (wp.pfn, wp.is_ram, wp.pte & 0xFFF) == (0x1234, True, 0x161)
    assert fsck(kernel.ram).clean
    for index in (2, len(kernel.fixmap_slots()) - 1):
        kernel.fixmap.set_fixmap(index, 0, 0)
    assert [slot.name for slot in kernel.fixmap_slots() if slot.pte] == ["FIX_HYPERCALL"]
    for index in (66, len(kernel.fixmap_slots()), 0xFFFFFFFF):
        with pytest.raises(KernelBug):
            kernel.fixmap.set_fixmap(index, 0, 0x163)


@pytest.mark.variants
def test_fsck_knows_what_set_fixmap_may_map(kernel: Kernel) -> None:
    kernel.fixmap.set_fixmap(2, 0xFEE00000, 0x173)
    pte = kernel.tables.pte_address(0xFFFFD000)
    right = kernel.tables.read(pte)
    for bit in (0, 5, 7, 9, 10, 11):  # present, accessed, PAT, and those of no meaning
        kernel.tables.write(pte, right ^ 1 << bit)
        damages = fsck(kernel.ram).damages
        assert [damage.field for damage in damages] == ["PTE of ffffd000"]
        assert damages[0].text.endswith("which is no mapping by set_fixmap")
    kernel.tables.write(pte, right)
    kernel.fixmap.set_fixmap(2, 0, 0)
    va = kernel.highmem.kmap_atomic_pfn(0xFEE00, 0)  # no RAM
    assert [damage.text.split(", ")[1] for damage in fsck(kernel.ram).damages] == ["which is no mapping by kmap_atomic"]
    kernel.highmem.kunmap_atomic(va, 0)
    assert fsck(kernel.ram).clean
