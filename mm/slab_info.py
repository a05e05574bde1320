"""What is in the slabs: caches, slabs and objects as data, from the structures in RAM (mm/slab.c, 2.6.20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mm.errors import DamagedMemory
from mm.layout import PAGE_SIZE, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_slab
from mm.slab import SlabAllocator
from mm.slab_geometry import BUFCTL_END, CFLGS_OFF_SLAB, MAX_GFP_ORDER, SLAB_RED_ZONE, SLAB_STORE_USER
from mm.vmstat import cache_name

_COLOUROFF, _S_MEM, _INUSE, _FREE, _BUFCTL = 2, 3, 4, 5, 7  # words of struct slab

SlabList = Literal["full", "partial", "free"]
ObjectState = Literal["allocated", "free", "cpu", "shared", "unknown"]
Part = Literal["object", "red zone", "last user", "padding", "colour gap", "management", "left over"]
_LISTS: tuple[SlabList, ...] = ("full", "partial", "free")


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """A cache. objsize: bytes of an object, with red zones and last user if it has them; allocated, in_arrays, total:
    objects in use, free ones that rest in arrays, all; slab_size: bytes of pages a slab; colours: how many offsets,
    `colour_off` bytes apart, slabs can begin at; management: bytes of a slab's descriptor and chain; slabp_cache: the
    cache that has them where they are not on the slab, else "".
    """

    address: int
    name: str
    objsize: int
    num: int
    slab_size: int
    colours: int
    colour_off: int
    management: int
    slabp_cache: str
    slabs: int
    total: int
    allocated: int
    in_arrays: int


@dataclass(frozen=True, slots=True)
class SlabObject:
    """An object of a slab. state: "cpu" rests in the array of `cpu`, "shared" in the array that CPUs share; "unknown"
    where the chain of free objects is broken.
    """

    number: int
    address: int
    state: ObjectState
    cpu: int | None = None

    def __str__(self) -> str:
        match self.state:
            case "cpu":
                return f"in the array of CPU {self.cpu}"
            case "shared":
                return "in the shared array"
            case "unknown":
                return "unknown: the chain of free objects is broken"
        return self.state


@dataclass(frozen=True, slots=True)
class SlabState:
    """A slab. start: of its pages; s_mem: of its objects; colour: bytes before what comes first; chain: the numbers of
    the free objects, the next to be taken first; error: where the chain is broken, else "".
    """

    address: int
    on_list: SlabList
    start: int
    colour: int
    s_mem: int
    on_slab: bool
    inuse: int
    chain: list[int]
    objects: list[SlabObject]
    error: str

    @property
    def allocated(self) -> int:
        """Objects in use: neither free nor resting in an array."""
        return sum(obj.state == "allocated" for obj in self.objects)


@dataclass(frozen=True, slots=True)
class SlabPlace:
    """What of a slab is at a direct-map address: `offset` bytes into a part of it, or into `object` if one is there,
    negative for the red zone before that.

    objsize: bytes of an object, without red zones. slab: the descriptor; inuse, num: of its objects, those out of the
    slab and all.
    """

    address: int
    cache: int
    name: str
    objsize: int
    slab: int
    inuse: int
    num: int
    part: Part
    offset: int
    object: SlabObject | None


class SlabInspector:
    """Looks at slabs; changes nothing. Raises DamagedMemory, KernelFault or ListCycle where the structures are damaged.

    w: lowmem in words.
    """

    def __init__(self, w: Words, layout: Layout, pages: PageAllocator, slab: SlabAllocator) -> None:
        self._w = w
        self._layout = layout
        self._pages = pages
        self._slab = slab
        self._cache = layout["kmem_cache"]

    def _field(self, cachep: int, name: str) -> int:
        return self._w[((cachep ^ 0xC0000000) >> 2) + self._cache.word(name)]

    def _l3(self, cachep: int, name: str) -> int:
        return self._w[((self._field(cachep, "nodelists") ^ 0xC0000000) >> 2) + self._layout["kmem_list3"].word(name)]

    # caches

    def caches(self) -> list[CacheInfo]:
        """Every cache, the newest first."""
        return [self.cache(cachep) for cachep in self._slab.caches()]

    def cache(self, cachep: int) -> CacheInfo:
        """One cache of the chain."""
        num, size, pages = self._shape(cachep)
        inuse = [self._w[((slab ^ 0xC0000000) >> 2) + _INUSE] for _, slab in self._slabs(cachep)]
        resting = sum(len(objects) for _, objects in self._arrays(cachep))
        off_slab = self._field(cachep, "flags") & CFLGS_OFF_SLAB
        return CacheInfo(
            address=cachep,
            name=cache_name(self._slab, cachep),
            objsize=size,
            num=num,
            slab_size=pages * PAGE_SIZE,
            colours=max(1, self._field(cachep, "colour")),
            colour_off=self._field(cachep, "colour_off"),
            management=self._field(cachep, "slab_size"),
            slabp_cache=cache_name(self._slab, self._field(cachep, "slabp_cache")) if off_slab else "",
            slabs=len(inuse),
            total=len(inuse) * num,
            allocated=sum(inuse) - resting,
            in_arrays=resting,
        )

    def _shape(self, cachep: int) -> tuple[int, int, int]:
        """(objects a slab, their size, pages a slab)."""
        num, size, order = (self._field(cachep, name) for name in ("num", "buffer_size", "gfporder"))
        if not size or order > MAX_GFP_ORDER or num * size > PAGE_SIZE << order:
            where = f"struct kmem_cache {cachep:08x}"
            raise DamagedMemory(f"{where}: {num} objects of {size} bytes, order {order}; fsck names what is damaged")
        return num, size, 1 << order

    def _slabs(self, cachep: int) -> Iterator[tuple[SlabList, int]]:
        l3 = self._field(cachep, "nodelists")
        for name in _LISTS:
            for slab in list_for_each(self._w, l3 + self._layout["kmem_list3"].offset(f"slabs_{name}")):
                yield name, slab

    def _arrays(self, cachep: int) -> Iterator[tuple[int | None, list[int]]]:
        """The objects that rest in the array of each CPU, and (CPU None) in the shared one."""
        w, layout = self._w, self._layout
        first = self._cache.offset("array")
        cpus = [w[(cachep + first + 4 * cpu ^ 0xC0000000) >> 2] for cpu in range(layout.nr_cpus)]
        for cpu, array in [*enumerate(cpus), (None, self._l3(cachep, "shared"))]:
            if array:
                i = (array ^ 0xC0000000) >> 2
                at = i + layout["array_cache"].words
                yield cpu, w[at : at + min(w[i], w[i + 1])].tolist()

    # slabs

    def slabs(self, cachep: int) -> Iterator[SlabState]:
        """The slabs of a cache: the full ones, the partial ones, the free ones."""
        resting = self._resting(cachep)
        for name, slab in self._slabs(cachep):
            yield self._slab_state(cachep, name, slab, resting)

    def last_users(self, cachep: int) -> Iterator[tuple[int, int]]:
        """Every object in use of a cache with SLAB_STORE_USER, and the address that asked for it (0: the kernel)."""
        for slab in self.slabs(cachep):
            for obj in slab.objects:
                if obj.state == "allocated" and (user := self._slab.last_user(cachep, obj.address)) is not None:
                    yield obj.address, user

    def _resting(self, cachep: int) -> dict[int, int | None]:
        """Which objects rest in arrays: by address, the CPU, None for the shared array."""
        offset = self._slab.obj_offset(cachep)
        return {objp + offset: cpu for cpu, objects in self._arrays(cachep) for objp in objects}

    def _slab_state(self, cachep: int, name: SlabList, slab: int, resting: dict[int, int | None]) -> SlabState:
        w, s = self._w, (slab ^ 0xC0000000) >> 2
        num, size, _ = self._shape(cachep)
        s_mem, colouroff = w[s + _S_MEM], w[s + _COLOUROFF]
        start = s_mem - colouroff & 0xFFFFFFFF
        on_slab = not self._field(cachep, "flags") & CFLGS_OFF_SLAB
        first = s_mem + self._slab.obj_offset(cachep)
        chain, error = self._chain(slab, num)
        free, broken = set(chain), error != ""
        if not broken and w[s + _INUSE] != num - len(chain):
            error = f"inuse is {w[s + _INUSE]}, the chain leaves {num - len(chain)}"
        return SlabState(
            address=slab,
            on_list=name,
            start=start,
            colour=slab - start & 0xFFFFFFFF if on_slab else colouroff,
            s_mem=s_mem,
            on_slab=on_slab,
            inuse=w[s + _INUSE],
            chain=chain,
            objects=[self._object(n, first + n * size & 0xFFFFFFFF, n in free, resting, broken) for n in range(num)],
            error=error,
        )

    def _chain(self, slab: int, num: int) -> tuple[list[int], str]:
        """The free objects' numbers as far as the chain makes sense, and what is wrong with it, "" if nothing."""
        w, s = self._w, (slab ^ 0xC0000000) >> 2
        chain: list[int] = []
        met = set()
        number = w[s + _FREE]
        while number != BUFCTL_END:
            if number >= num:
                return chain, f"the chain leads to {number:#x}"
            if number in met:
                return chain, f"the chain comes back to {number}"
            met.add(number)
            chain.append(number)
            number = w[s + _BUFCTL + number]
        return chain, ""

    def _object(
        self, number: int, address: int, free: bool, resting: dict[int, int | None], broken: bool
    ) -> SlabObject:
        if free:
            return SlabObject(number, address, "free")
        if address not in resting:
            return SlabObject(number, address, "unknown" if broken else "allocated")
        cpu = resting[address]
        return SlabObject(number, address, "shared" if cpu is None else "cpu", cpu)

    # addresses

    def _part_of_object(self, cachep: int, offset: int, behind: int) -> Part:
        """What is `offset` bytes from the start of an object whose place ends `behind` bytes from there."""
        if 0 <= offset < self._slab.kmem_cache_size(cachep):
            return "object"
        flags = self._field(cachep, "flags")
        if offset >= behind - 4 and flags & SLAB_STORE_USER:
            return "last user"
        return "red zone" if flags & SLAB_RED_ZONE else "padding"

    def place(self, address: int) -> SlabPlace | None:
        """What of which slab is at a direct-map address, None where its page is no slab's."""
        w, p = self._w, (self._pages.virt_to_page(address) ^ 0xC0000000) >> 2
        if not w[p] & PG_slab:
            return None
        fields = self._layout["page"]
        cachep, slab = w[p + fields.word("lru.next")], w[p + fields.word("lru.prev")]
        num, size, _ = self._shape(cachep)
        s = (slab ^ 0xC0000000) >> 2
        s_mem = w[s + _S_MEM]
        obj: SlabObject | None = None
        part: Part
        if s_mem <= address < s_mem + num * size:
            number, offset = divmod(address - s_mem, size)
            chain, error = self._chain(slab, num)
            before = self._slab.obj_offset(cachep)
            start = s_mem + number * size + before
            obj = self._object(number, start, number in chain, self._resting(cachep), error != "")
            offset -= before
            part = self._part_of_object(cachep, offset, size - before)
        elif address > s_mem:
            part, offset = "left over", address - s_mem - num * size
        elif slab <= address and not self._field(cachep, "flags") & CFLGS_OFF_SLAB:
            part, offset = "management", address - slab
        else:
            part, offset = "colour gap", address - s_mem + w[s + _COLOUROFF]
        name = cache_name(self._slab, cachep)
        if self._layout.slab_debug:
            size = self._slab.kmem_cache_size(cachep)
        return SlabPlace(address, cachep, name, size, slab, w[s + _INUSE], num, part, offset, obj)
