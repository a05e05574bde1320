"""What vmalloc space holds, as data: /proc/vmallocinfo (of 2.6.26, without the caller, which `struct vm_struct` does
not know yet), get_vmalloc_info (fs/proc/mmu.c, 2.6.20), and every stretch of it, used or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mm.layout import PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.vmalloc import VM_ALLOC, VM_IOREMAP, VM_MAP, VM_USERMAP, VM_VPAGES, Vmalloc

_WORDS = (
    (VM_IOREMAP, "ioremap"), (VM_ALLOC, "vmalloc"), (VM_MAP, "vmap"), (VM_USERMAP, "user"), (VM_VPAGES, "vpages"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VmallocInfo:
    """An area. size: in bytes, with the guard page. flags: VM_..., and in `words` what they say."""

    vm_struct: int
    addr: int
    size: int
    nr_pages: int
    phys_addr: int
    flags: int
    words: list[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Addresses of one use, `end` exclusive. kind: "area", "guard" (the page behind an area) or "free"."""

    start: int
    end: int
    kind: str
    area: VmallocInfo | None


@dataclass(frozen=True, slots=True)
class VmallocSpace:
    """All of vmalloc space, by ascending address. Sizes in bytes.

    used: the areas with their guard pages. largest: the largest hole; an area in it has a page less.
    """

    start: int
    end: int
    used: int
    largest: int
    stretches: list[Stretch]


def vmallocinfo(w: Words, layout: Layout, vmalloc: Vmalloc) -> list[VmallocInfo]:
    """Every area, by ascending address."""
    fields = layout["vm_struct"]
    members = [fields.word(name) for name in ("addr", "size", "nr_pages", "phys_addr", "flags")]

    def info(area: int) -> VmallocInfo:
        addr, size, nr_pages, phys_addr, flags = (w[((area ^ 0xC0000000) >> 2) + member] for member in members)
        words = [word for bit, word in _WORDS if flags & bit]
        return VmallocInfo(area, addr, size, nr_pages, phys_addr, flags, words)

    return [info(area) for area in vmalloc.areas()]


def vmallocinfo_text(rows: Iterable[VmallocInfo]) -> str:
    """/proc/vmallocinfo."""
    return "".join(
        f"0x{r.addr:08x}-0x{r.addr + r.size:08x} {r.size:7d}"
        + (f" pages={r.nr_pages}" if r.nr_pages else "")
        + (f" phys={r.phys_addr:x}" if r.phys_addr else "")
        + "".join(f" {word}" for word in r.words)
        + "\n"
        for r in rows
    )


def vmalloc_usage(w: Words, layout: Layout, vmalloc: Vmalloc) -> tuple[int, int, int]:
    """get_vmalloc_info: bytes of vmalloc space, of its areas with their guard pages, and of its largest hole."""
    used, largest, at = 0, 0, vmalloc.start
    for area in vmallocinfo(w, layout, vmalloc):
        if area.addr < vmalloc.start:
            continue
        if area.addr >= vmalloc.end:
            break
        used += area.size
        largest = max(largest, area.addr - at)
        at = area.addr + area.size
    return vmalloc.end - vmalloc.start, used, max(largest, vmalloc.end - at)


def vmalloc_space(w: Words, layout: Layout, vmalloc: Vmalloc) -> VmallocSpace:
    """Areas, guard pages and holes."""

    def stretches() -> Iterator[Stretch]:
        at = vmalloc.start
        for area in vmallocinfo(w, layout, vmalloc):
            if at < area.addr:
                yield Stretch(at, area.addr, "free", None)
            at = area.addr + area.size
            yield Stretch(area.addr, at - PAGE_SIZE, "area", area)
            yield Stretch(at - PAGE_SIZE, at, "guard", None)
        if at < vmalloc.end:
            yield Stretch(at, vmalloc.end, "free", None)

    _, used, largest = vmalloc_usage(w, layout, vmalloc)
    return VmallocSpace(vmalloc.start, vmalloc.end, used, largest, list(stretches()))


def vmalloc_space_text(space: VmallocSpace) -> str:
    """A line for each stretch, and a summary."""
    lines, guards, holes = [], 0, []
    for s in space.stretches:
        text = s.kind
        if s.area:
            text = " ".join(s.area.words) or "area"
            text += f"  {_many(s.area.nr_pages, 'page')}" if s.area.nr_pages else ""
            text += f"  phys {s.area.phys_addr:08x}" if s.area.flags & VM_IOREMAP else ""
        guards += s.kind == "guard"
        holes += [s] if s.kind == "free" else []
        lines.append(f"{s.start:08x}-{s.end:08x} {_kb(s.end - s.start):>10}  {text}")
    largest = next((f" at {s.start:08x}" for s in holes if s.end - s.start == space.largest), "")
    lines += [
        f"vmalloc space {space.start:08x}-{space.end:08x}, {_kb(space.end - space.start)}",
        f"{_kb(space.used)} in {_many(guards, 'area')}, {guards << PAGE_SHIFT - 10} kB of it guard pages",
        f"{_kb(sum(s.end - s.start for s in holes))} free in {_many(len(holes), 'hole')}, the largest "
        f"{_kb(space.largest)}{largest}",
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _kb(size: int) -> str:
    return f"{size >> 10} kB"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
