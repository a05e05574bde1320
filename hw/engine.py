"""Unicorn's C library by ctypes: only what hw uses, with prototypes of our own.

The Python binding is not imported: it costs 40 ms at start and ten times the time per register.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Callable
from ctypes import byref, c_int, c_size_t, c_uint, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any

from hw.constant import ConstantRegister
from hw.errors import EngineError

ARCH_X86 = 4
MODE_32 = 1 << 2

ERR_OK = 0
ERR_INSN_INVALID = 10

HOOK_INTR = 1 << 0
HOOK_INSN = 1 << 1
HOOK_CODE = 1 << 2
HOOK_BLOCK = 1 << 3
HOOK_MEM_READ, HOOK_MEM_WRITE = 1 << 10, 1 << 11
HOOK_MEM_UNMAPPED = 1 << 4 | 1 << 5 | 1 << 6
HOOK_INSN_INVALID = 1 << 14
HOOK_TRANSLATED = 1 << 15  # UC_HOOK_EDGE_GENERATED

ERR_FETCH_UNMAPPED = 8
ERR_FETCH_PROT = 14

#: An ``until`` that no i386 reaches: the run ends by HLT, a stop or a count.
NOWHERE = (1 << 64) - 1

# enum uc_x86_insn of unicorn/x86.h: the instructions that HOOK_INSN knows
INSN_IN, INSN_OUT, INSN_RDTSC, INSN_CPUID = 218, 500, 608, 113
HOOK_TLB_FILL = 1 << 17

# uc_control_type and the direction bits of UC_CTL (unicorn.h)
_CTL_WRITE = 1 << 30
_CTL_USE_EXITS = 4 | 1 << 26 | _CTL_WRITE
_CTL_CPU_MODEL = 7 | 1 << 26 | _CTL_WRITE
_CTL_TB_REMOVE_CACHE = 9 | 2 << 26 | _CTL_WRITE
_CTL_TB_FLUSH = 10 | _CTL_WRITE
_CTL_TLB_FLUSH = 11 | _CTL_WRITE
_CTL_TLB_TYPE = 12 | 1 << 26 | _CTL_WRITE

#: enum uc_x86_reg of unicorn/x86.h, by the name that users type
REGISTERS: dict[str, int] = {
    "eax": 19, "ecx": 22, "edx": 24, "ebx": 21, "esp": 30, "ebp": 20, "esi": 29, "edi": 23,
    "eip": 26, "eflags": 25, "cs": 11, "ss": 49, "ds": 17, "es": 28, "fs": 32, "gs": 33,
    "cr0": 50, "cr2": 52, "cr3": 53, "cr4": 54,
    "dr0": 66, "dr1": 67, "dr2": 68, "dr3": 69, "dr6": 72, "dr7": 73,
    "idtr": 242, "gdtr": 243, "ldtr": 244, "tr": 245,
    "fpcw": 246, "fptag": 247, "msr": 248, "mxcsr": 249, "fpsw": 31,
    "fs_base": 250, "gs_base": 251, "fp0": 82, "xmm0": 122,
}

#: Unicorn's x86 models (uc_cpu_x86), by QEMU's names, in the order of their numbers.
CPU_MODELS = (
    "qemu64", "phenom", "core2duo", "kvm64", "qemu32", "kvm32", "coreduo", "486", "pentium", "pentium2", "pentium3",
    "athlon", "n270", "Conroe", "Penryn", "Nehalem", "Westmere", "SandyBridge", "IvyBridge", "Haswell", "Broadwell",
    "Skylake-Client", "Skylake-Server", "Cascadelake-Server", "Cooperlake", "Icelake-Client", "Icelake-Server",
    "Denverton", "Snowridge", "KnightsMill", "Opteron_G1", "Opteron_G2", "Opteron_G3", "Opteron_G4", "Opteron_G5",
    "EPYC", "Dhyana", "EPYC-Rome",
)

HookInterrupt = ctypes.CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)
HookBlock = ctypes.CFUNCTYPE(None, c_void_p, c_uint64, c_uint32, c_void_p)
HookInvalid = ctypes.CFUNCTYPE(ctypes.c_bool, c_void_p, c_void_p)
HookCode = HookBlock
HookMemory = ctypes.CFUNCTYPE(ctypes.c_bool, c_void_p, c_int, c_uint64, c_int, ctypes.c_int64, c_void_p)
HookIn = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_int, c_void_p)
HookOut = ctypes.CFUNCTYPE(None, c_void_p, c_uint32, c_int, c_uint32, c_void_p)
HookSkip = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)  # of CPUID and RDTSC: whether the instruction is done
MmioRead = ctypes.CFUNCTYPE(c_uint64, c_void_p, c_uint64, c_uint, c_void_p)
MmioWrite = ctypes.CFUNCTYPE(None, c_void_p, c_uint64, c_uint, c_uint64, c_void_p)


class TlbFill(ctypes.Structure):
    """uc_tlb_entry: where a page of 4 KB leads, and what may be done there (PERM_*)."""

    _fields_ = (("pa", c_uint64), ("perms", c_uint32))

    pa: int
    perms: int


PERM_READ, PERM_WRITE, PERM_EXEC = 1, 2, 4
#: Gets the linear address of a page, and the access (ACCESS_*); fills the TlbFill in, or answers False.
HookTlbFill = ctypes.CFUNCTYPE(ctypes.c_bool, c_void_p, c_uint64, c_int, ctypes.POINTER(TlbFill), c_void_p)
ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH = 16, 17, 18


class Block(ctypes.Structure):
    """uc_tb: a block of code that was translated; ``pc`` is linear."""

    _fields_ = (("pc", c_uint64), ("instructions", ctypes.c_uint16), ("size", ctypes.c_uint16))

    pc: int
    instructions: int
    size: int


HookTranslated = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Block), ctypes.POINTER(Block), c_void_p)


class DescriptorTable(ctypes.Structure):
    """uc_x86_mmr: GDTR, IDTR (selector and flags unused), TR, LDTR."""

    _fields_ = (("selector", ctypes.c_uint16), ("base", c_uint64), ("limit", c_uint32), ("flags", c_uint32))

    selector: int
    base: int
    limit: int
    flags: int


class _Msr(ctypes.Structure):
    _fields_ = (("rid", c_uint32), ("value", c_uint64))

    rid: int
    value: int


_PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "uc_open": (c_uint, c_uint, c_void_p),
    "uc_close": (c_void_p,),
    "uc_mem_map_ptr": (c_void_p, c_uint64, c_uint64, c_uint32, c_void_p),
    "uc_mmio_map": (c_void_p, c_uint64, c_uint64, c_void_p, c_void_p, c_void_p, c_void_p),
    "uc_hook_add": (c_void_p, c_void_p, c_int, c_void_p, c_void_p, c_uint64, c_uint64),  # and one more for HOOK_INSN
    "uc_hook_del": (c_void_p, c_void_p),
    "uc_reg_read": (c_void_p, c_int, c_void_p),
    "uc_reg_write": (c_void_p, c_int, c_void_p),
    "uc_context_alloc": (c_void_p, c_void_p),
    "uc_context_free": (c_void_p,),
    "uc_context_save": (c_void_p, c_void_p),
    "uc_context_restore": (c_void_p, c_void_p),
    "uc_context_reg_read": (c_void_p, c_int, c_void_p),
    "uc_context_reg_write": (c_void_p, c_int, c_void_p),
    "uc_emu_start": (c_void_p, c_uint64, c_uint64, c_uint64, c_size_t),
    "uc_emu_stop": (c_void_p,),
}


def _library_path() -> str:
    names = {"darwin": ("libunicorn.2.dylib",), "win32": ("unicorn.dll",)}.get(
        sys.platform, ("libunicorn.so.2", "libunicorn.so"))
    folders = [os.environ["LIBUNICORN_PATH"]] if os.environ.get("LIBUNICORN_PATH") else []
    spec = importlib.util.find_spec("unicorn")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folders.append(os.path.join(place, "lib"))
    for folder in folders:
        for name in names:
            path = os.path.join(folder, name)
            if os.path.exists(path):
                return path
    return names[0]  # where the system's loader looks


class Library:
    """The loaded C library. ``run`` gives Python's lock away while it works, ``quick`` keeps it.

    Keeping the lock saves about 0.1 us a call; nothing that can call back into Python may be called so.
    """

    def __init__(self) -> None:
        path = _library_path()
        try:
            self.run = ctypes.CDLL(path)
            self.quick = ctypes.PyDLL(path)
            for library in (self.run, self.quick):
                for name, arguments in _PROTOTYPES.items():
                    function = getattr(library, name)
                    function.argtypes = arguments
                    function.restype = c_int
                library.uc_strerror.argtypes = (c_int,)
                library.uc_strerror.restype = ctypes.c_char_p
                library.uc_context_size.argtypes = (c_void_p,)
                library.uc_context_size.restype = c_size_t
        except (OSError, AttributeError) as error:
            raise EngineError(f"cannot load Unicorn 2 (pip install unicorn): {error}") from None
        version = self.run.uc_version(None, None)
        self.version = (version >> 24, version >> 16 & 255, version >> 8 & 255)
        if self.version < (2, 1, 2):
            raise EngineError("Unicorn {}.{}.{} is too old: 2.1.2 or newer is needed".format(*self.version))

    def words(self, error: int) -> str:
        """Unicorn's own words for an error number."""
        return str(self.run.uc_strerror(error).decode("ascii", "replace"))


@cache
def library() -> Library:
    """The one Library of this process; raises EngineError when there is none that works."""
    return Library()


def _allocated(address: int) -> int:
    """Bytes of a block of the C heap, in whole quadwords; where the host does not tell, a page."""
    for name in ("malloc_usable_size", "malloc_size"):
        function = getattr(ctypes.CDLL(None), name, None) if sys.platform != "win32" else None
        if function is not None:
            function.argtypes, function.restype = (c_void_p,), c_size_t
            return int(function(address)) & ~7
    return 4096


class Engine:
    """One i386 Uc instance. Errors of the C library become EngineError.

    Callback objects given to ``hook`` and ``map_mmio`` are kept alive as long as the engine.
    """

    def __init__(self, model: str | None = None) -> None:
        """``model``: one of CPU_MODELS, in any case, None for Unicorn's default; EngineError for another."""
        self.library = library()
        handle = c_void_p()
        self._check(self.library.run.uc_open(ARCH_X86, MODE_32, byref(handle)), "open an i386 engine")
        self.handle = handle
        if model is not None:
            names = [name.lower() for name in CPU_MODELS]
            if model.lower() not in names:
                self.library.run.uc_close(handle)
                raise EngineError(f"no CPU model {model!r}; there are {', '.join(CPU_MODELS)}")
            self.library.run.uc_ctl(handle, c_int(_CTL_CPU_MODEL), c_int(names.index(model.lower())))
        self._kept: list[object] = []
        self._contexts: list[Context] = []
        self._word = c_uint64()
        self._word_ref = byref(self._word)

    def close(self) -> None:
        """Free the engine and its contexts. Doing it twice is harmless."""
        if self.handle.value:
            for context in self._contexts:
                context.free()
            self.library.run.uc_close(self.handle)
            self.handle = c_void_p()

    def _check(self, error: int, action: str) -> None:
        if error:
            raise EngineError(f"Unicorn cannot {action}: {self.library.words(error)}")

    def map_ptr(self, pa: int, size: int, host_address: int) -> None:
        """Let physical [pa, pa + size) be the host's memory at ``host_address`` (whole 4 KB pages)."""
        self._check(self.library.run.uc_mem_map_ptr(self.handle, pa, size, 7, host_address),
                    f"map {size >> 10} KB of memory at physical {pa:#x}")

    def map_mmio(self, pa: int, size: int, read: Any, write: Any, constant: ConstantRegister | None = None) -> None:
        """Let physical [pa, pa + size) be answered by the callbacks (MmioRead, MmioWrite objects).

        ``constant`` answers before ``read`` where it can do so without Python.
        """
        answer = ctypes.cast(read, c_void_p)
        code = None if constant is None else constant.code(answer.value or 0)
        self._kept += (read, write, constant, code)
        self._check(self.library.run.uc_mmio_map(
            self.handle, pa, size, answer if code is None else ctypes.addressof(code),
            constant and constant.address, ctypes.cast(write, c_void_p), None),
            f"map a device at physical {pa:#x}")

    def hook(self, kind: int, callback: Any, begin: int = 1, end: int = 0) -> int:
        """Add a hook of ``kind`` (HOOK_*) for all addresses, or for [begin, end]; what ``unhook`` takes."""
        self._kept.append(callback)
        hook = c_void_p()
        self._check(self.library.run.uc_hook_add(
            self.handle, byref(hook), kind, ctypes.cast(callback, c_void_p), None, begin, end), "add a hook")
        return hook.value or 0

    def unhook(self, hook: int) -> None:
        """Take a hook away."""
        self._check(self.library.run.uc_hook_del(self.handle, hook), "remove a hook")

    def hook_native(self, kind: int, function: int) -> int:
        """Add a hook whose function is at an address in the library; the hook's own address."""
        hook = c_void_p()
        self._check(self.library.run.uc_hook_add(self.handle, byref(hook), kind, function, None, 1, 0), "add a hook")
        return hook.value or 0

    def hook_instruction(self, number: int, callback: Any) -> None:
        """Add a hook of one of the instructions INSN_*."""
        self._kept.append(callback)
        hook = c_void_p()
        self._check(self.library.run.uc_hook_add(
            self.handle, byref(hook), HOOK_INSN, ctypes.cast(callback, c_void_p), None, 1, 0, c_int(number)),
            "add an instruction hook")

    def read_register(self, number: int) -> int:
        """A register of up to 32 bits."""
        self._word.value = 0
        self._check(self.library.quick.uc_reg_read(self.handle, number, self._word_ref), "read a register")
        return self._word.value & 0xFFFF_FFFF

    def write_register(self, number: int, value: int) -> None:
        """Set a register of up to 32 bits."""
        self._word.value = value & 0xFFFF_FFFF
        self._check(self.library.quick.uc_reg_write(self.handle, number, self._word_ref),
                    f"set a register to {value:#x}")

    def read_bytes(self, number: int, size: int) -> bytes:
        """The raw value of a wide register (st, xmm)."""
        buffer = ctypes.create_string_buffer(64)
        self._check(self.library.run.uc_reg_read(self.handle, number, buffer), "read a register")
        return buffer.raw[:size]

    def write_bytes(self, number: int, value: bytes) -> None:
        """Set a wide register from its raw value."""
        self._check(self.library.run.uc_reg_write(
            self.handle, number, ctypes.create_string_buffer(value, 64)), "set a register")

    def read_table(self, number: int) -> DescriptorTable:
        """GDTR, IDTR, TR or LDTR."""
        table = DescriptorTable()
        self._check(self.library.run.uc_reg_read(self.handle, number, byref(table)), "read a table register")
        return table

    def write_table(self, number: int, table: DescriptorTable) -> None:
        """Set GDTR, IDTR, TR or LDTR; nothing is read from guest memory."""
        self._check(self.library.run.uc_reg_write(self.handle, number, byref(table)), "set a table register")

    def read_msr(self, number: int) -> int:
        """A model-specific register, 64 bits."""
        msr = _Msr(number, 0)
        self._check(self.library.run.uc_reg_read(self.handle, REGISTERS["msr"], byref(msr)), "read an MSR")
        return msr.value

    def write_msr(self, number: int, value: int) -> None:
        """Set a model-specific register, 64 bits."""
        msr = _Msr(number, value)
        self._check(self.library.run.uc_reg_write(self.handle, REGISTERS["msr"], byref(msr)), "set an MSR")

    def context(self) -> Context:
        """A new context; it is freed with the engine."""
        context = Context(self)
        self._contexts.append(context)
        return context

    def start(self, eip: int, until: int, count: int = 0) -> int:
        """Run until ``until`` is reached or the run is stopped; the answer is Unicorn's error number.

        With ``count`` it ends after so many instructions; each then takes six times as long. What was translated
        without is not counted: ``flush_code`` before the first such run.
        """
        return int(self.library.run.uc_emu_start(self.handle, eip, until, 0, count))

    def run_for_ever(self) -> None:
        """From now on ``until`` has no meaning: runs end by HLT, a stop or a count.

        At the end of a run Unicorn looks ``until`` up in the page tables; where nothing is mapped there, that
        spoils CR2.
        """
        self.library.run.uc_ctl(self.handle, c_int(_CTL_USE_EXITS), c_int(1))

    def own_words(self) -> memoryview:
        """The engine's own structure, as unsigned quadwords: for hw.state."""
        assert self.handle.value is not None
        return memoryview((ctypes.c_char * _allocated(self.handle.value)).from_address(self.handle.value)).cast(
            "B").cast("Q")

    def stop(self) -> None:
        """Ask the innermost run to end; lost when no run has begun."""
        self.library.quick.uc_emu_stop(self.handle)

    def tlb_flusher(self) -> Callable[[], int]:
        """A function that drops every cached translation, with its arguments bound: for hot paths."""
        control, handle = self.library.quick.uc_ctl, self.handle
        control_number = c_int(_CTL_TLB_FLUSH)
        return lambda: int(control(handle, control_number))

    def fill_tlb_by_hook(self, by_hook: bool) -> None:
        """Whether the hook HOOK_TLB_FILL translates, or the engine by the page tables; what is cached stays.

        Where the hook answers False the run ends, with ERR_EXCEPTION, at the instruction that asked.
        """
        self.library.quick.uc_ctl(self.handle, c_int(_CTL_TLB_TYPE), c_int(by_hook))

    def remove_code(self, start: int, end: int) -> None:
        """Drop translated code for LINEAR [start, end) of the current address space, inside one page."""
        self.library.run.uc_ctl(self.handle, c_int(_CTL_TB_REMOVE_CACHE), c_uint64(start), c_uint64(end))

    def flush_code(self) -> None:
        """Drop all translated code."""
        self.library.run.uc_ctl(self.handle, c_int(_CTL_TB_FLUSH))


class Context:
    """A saved CPU state, with its bytes in view.

    ``words`` is the C structure itself as unsigned 32-bit words: what is written there, ``restore``
    puts into the engine. Where a register lies is found by hw.calibrate.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        pointer = c_void_p()
        quick = engine.library.quick
        engine._check(quick.uc_context_alloc(engine.handle, byref(pointer)), "allocate a context")
        self.pointer = pointer
        assert pointer.value is not None
        self.size = int(quick.uc_context_size(engine.handle)) & ~3
        self.words: memoryview = memoryview(
            (ctypes.c_char * self.size).from_address(pointer.value)).cast("B").cast("I")
        self._word = c_uint64()
        self._save, self._restore, self._handle = quick.uc_context_save, quick.uc_context_restore, engine.handle

    def save(self) -> None:
        """Copy the engine's state here."""
        self._save(self._handle, self.pointer)

    def restore(self) -> None:
        """Make this the engine's state. The TLB is not flushed."""
        self._restore(self._handle, self.pointer)

    def read_register(self, number: int) -> int:
        """A register of up to 32 bits, out of the saved state."""
        self._word.value = 0
        self._engine._check(self._engine.library.quick.uc_context_reg_read(
            self.pointer, number, byref(self._word)), "read a saved register")
        return self._word.value & 0xFFFF_FFFF

    def write_register(self, number: int, value: int) -> None:
        """Set a register of up to 32 bits in the saved state."""
        self._word.value = value & 0xFFFF_FFFF
        self._engine._check(self._engine.library.quick.uc_context_reg_write(
            self.pointer, number, byref(self._word)), "set a saved register")

    def free(self) -> None:
        """Give it back; afterwards it must not be used."""
        if self.pointer.value:
            self.words.release()
            self._engine.library.quick.uc_context_free(self.pointer)
            self.pointer = c_void_p()
