"""The packets of gdb's remote serial protocol, answered over a Target (gdb manual, appendix E)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tools.gdb.description import REGISTERS, target_xml
from tools.gdb.packets import LONGEST
from tools.gdb.target import Point, Target

# gdb's own numbers
SIGINT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGKILL, SIGBUS, SIGSEGV = 2, 4, 5, 6, 8, 9, 10, 11

_MOST = LONGEST // 2 - 16  # bytes of memory in one packet
_OK, _UNKNOWN, _WRONG, _NO_MEMORY = b"OK", b"", b"E01", b"E14"  # 14: EFAULT
_HEX = re.compile(rb"[0-9a-fA-F]{1,16}\Z")


class Move(Enum):
    """What the machine shall do."""

    CONTINUE = auto()
    STEP = auto()
    DETACH = auto()
    KILL = auto()


@dataclass(frozen=True)
class Order:
    """A Move: a step is one of `cpu`, and of further instructions while EIP stays in [start, end)."""

    move: Move
    cpu: int = 0
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Stop:
    """Why the machine stands. kind and address of the break- or watchpoint that was met, if it was one."""

    signal: int
    cpu: int
    kind: Point | None = None
    address: int = 0


class _Malformed(Exception):
    """A packet that says nothing."""


def _number(text: bytes) -> int:
    if not _HEX.match(text):
        raise _Malformed
    return int(text, 16)


def _numbers(text: bytes, separator: bytes = b",") -> list[int]:
    return [_number(part) for part in text.split(separator)]


def _bytes(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise _Malformed from None


class Stub:
    """One gdb. `say(data)` sends it a packet that is no answer."""

    def __init__(self, target: Target, say: Callable[[bytes], None]) -> None:
        self._target = target
        self._say = say
        self._cpu = target.cpu  # for registers, memory and commands
        self._physical = False
        self._features: set[bytes] = set()
        self._points: list[tuple[Point, int, int]] = []
        self._stop = Stop(SIGTRAP, target.cpu)
        self.acknowledges = True
        self._description = target_xml().encode()
        self._commands: dict[bytes, Callable[[bytes], bytes | Order]] = {
            b"?": lambda rest: self._stop_reply(), b"g": self._read_registers, b"G": self._write_registers,
            b"p": self._read_register, b"P": self._write_register, b"m": self._read_memory, b"M": self._write_hex,
            b"X": self._write_binary, b"Z": self._insert, b"z": self._remove, b"H": self._select, b"T": self._alive,
            b"c": lambda rest: self._resume(Move.CONTINUE, rest), b"s": lambda rest: self._resume(Move.STEP, rest),
            b"C": lambda rest: self._resume(Move.CONTINUE, rest.partition(b";")[2]),
            b"S": lambda rest: self._resume(Move.STEP, rest.partition(b";")[2]),
            b"D": lambda rest: Order(Move.DETACH), b"k": lambda rest: Order(Move.KILL), b"v": self._verbose,
            b"q": self._query, b"Q": self._setting,
        }  # fmt: skip

    def answer(self, packet: bytes) -> bytes | Order:
        """The answer to a packet, or what to do; an Order is answered when it is done. Takes whatever comes."""
        command = self._commands.get(packet[:1])
        try:
            return command(packet[1:]) if command else _UNKNOWN
        except _Malformed:
            return _WRONG

    def stopped(self, stop: Stop) -> bytes:
        """Keep why the machine stands now; the packet that says so."""
        self._stop, self._cpu = stop, stop.cpu
        return self._stop_reply()

    def print(self, text: str) -> None:
        """Have gdb print something: before a stop, or before the answer to a command."""
        data = text.encode("utf-8", "backslashreplace")
        for at in range(0, len(data), _MOST):
            self._say(b"O" + data[at : at + _MOST].hex().encode())

    def clear(self) -> None:
        """Remove every point that gdb has left."""
        for point in self._points:
            self._target.remove_point(*point)
        self._points.clear()

    # stops

    def _stop_reply(self) -> bytes:
        stop = self._stop
        reply = b"T%02xthread:%x;" % (stop.signal, stop.cpu + 1)
        match stop.kind:
            case Point.SOFTWARE if b"swbreak+" in self._features:
                reply += b"swbreak:;"
            case Point.HARDWARE if b"hwbreak+" in self._features:
                reply += b"hwbreak:;"
            case Point.WRITE | Point.READ | Point.ACCESS:
                name = {Point.WRITE: b"watch", Point.READ: b"rwatch", Point.ACCESS: b"awatch"}[stop.kind]
                reply += b"%s:%x;" % (name, stop.address)
        return reply

    def _resume(self, move: Move, address: bytes) -> Order:
        if address:
            self._target.write_register(self._cpu, "eip", _number(address) & 0xFFFF_FFFF)
        return Order(move, self._cpu)

    def _verbose(self, rest: bytes) -> bytes | Order:
        if rest == b"Cont?":
            return b"vCont;c;C;s;S;r"
        if rest.startswith(b"Cont;"):
            return self._vcont(rest[5:].split(b";"))
        if rest.startswith(b"Kill"):
            return Order(Move.KILL)
        return _UNKNOWN

    def _vcont(self, actions: list[bytes]) -> Order:
        """The first step asked for counts; while it is made the other CPUs go on as they always do."""
        for action in actions:
            what, _, thread = action.partition(b":")
            cpu = self._thread(thread) if thread else None
            if what[:1] in (b"s", b"S"):
                return Order(Move.STEP, self._cpu if cpu is None else cpu)
            if what[:1] == b"r":
                start, end = _numbers(what[1:])[:2] if b"," in what else (0, 0)
                return Order(Move.STEP, self._cpu if cpu is None else cpu, start, end)
            if what[:1] not in (b"c", b"C"):
                raise _Malformed
        return Order(Move.CONTINUE, self._cpu)

    # threads

    def _thread(self, text: bytes) -> int | None:
        """The CPU of a thread; None for any or all."""
        if text in (b"-1", b"0"):
            return None
        cpu = _number(text) - 1
        if cpu >= self._target.cpus:
            raise _Malformed
        return cpu

    def _select(self, rest: bytes) -> bytes:
        cpu = self._thread(rest[1:])
        if rest[:1] == b"g":
            self._cpu = self._target.cpu if cpu is None else cpu
        return _OK

    def _alive(self, rest: bytes) -> bytes:
        self._thread(rest)
        return _OK

    # registers

    def _read_registers(self, rest: bytes) -> bytes:
        values = self._target.registers(self._cpu)
        return b"".join(register.pack(values.get(register.name, 0)) for register in REGISTERS).hex().encode()

    def _write_registers(self, rest: bytes) -> bytes:
        data, at = _bytes(rest), 0
        values = []
        for register in REGISTERS:
            piece = data[at : at + register.bits // 8]
            if len(piece) * 8 == register.bits:
                values.append((register.name, int.from_bytes(piece, "little")))
            at += register.bits // 8
        if at < len(data) or not values:
            raise _Malformed
        return _OK if all([self._set(name, value) for name, value in values]) else _WRONG

    def _read_register(self, rest: bytes) -> bytes:
        number = _number(rest)
        if number >= len(REGISTERS):
            raise _Malformed
        register = REGISTERS[number]
        return register.pack(self._target.registers(self._cpu).get(register.name, 0)).hex().encode()

    def _write_register(self, rest: bytes) -> bytes:
        number, _, value = rest.partition(b"=")
        n, data = _number(number), _bytes(value)
        if n >= len(REGISTERS) or len(data) * 8 != REGISTERS[n].bits:
            raise _Malformed
        return _OK if self._set(REGISTERS[n].name, int.from_bytes(data, "little")) else _WRONG

    def _set(self, name: str, value: int) -> bool:
        """Set a register; what it holds already it can always be set to."""
        if self._target.registers(self._cpu).get(name, 0) == value:
            return True
        return self._target.write_register(self._cpu, name, value)

    # memory

    def _read_memory(self, rest: bytes) -> bytes:
        address, size = self._range(rest)
        if size == 0:
            return b""
        if self._physical:
            data = self._target.read_physical(address, min(size, _MOST))
        else:
            data = self._target.read(self._cpu, address, min(size, _MOST))
        return data.hex().encode() or _NO_MEMORY

    def _write_hex(self, rest: bytes) -> bytes:
        place, _, data = rest.partition(b":")
        return self._write(*self._range(place), _bytes(data))

    def _write_binary(self, rest: bytes) -> bytes:
        place, _, data = rest.partition(b":")
        return self._write(*self._range(place), data)

    def _range(self, text: bytes) -> tuple[int, int]:
        numbers = _numbers(text)
        if len(numbers) != 2 or not self._physical and numbers[0] >> 32:
            raise _Malformed
        return numbers[0], numbers[1]

    def _write(self, address: int, size: int, data: bytes) -> bytes:
        if len(data) != size:
            raise _Malformed
        if not data:
            return _OK
        if self._physical:
            return _OK if self._target.write_physical(address, data) else _NO_MEMORY
        return _OK if self._target.write(self._cpu, address, data) else _NO_MEMORY

    # break- and watchpoints

    def _point(self, rest: bytes) -> tuple[Point, int, int]:
        numbers = _numbers(rest.partition(b";")[0])
        if len(numbers) != 3 or numbers[0] > 4 or numbers[1] >> 32 or not 0 < numbers[2] <= 1 << 16:
            raise _Malformed
        return Point(numbers[0]), numbers[1], numbers[2]

    def _insert(self, rest: bytes) -> bytes:
        kind, address, size = self._point(rest)
        if (kind, address, size) in self._points:
            return _OK
        if not self._target.add_point(kind, self._cpu, address, size):
            return _NO_MEMORY
        self._points.append((kind, address, size))
        return _OK

    def _remove(self, rest: bytes) -> bytes:
        point = self._point(rest)
        if point in self._points:
            self._points.remove(point)
            self._target.remove_point(*point)
        return _OK

    # queries

    def _query(self, rest: bytes) -> bytes:
        name, separator, text = rest.partition(b":")
        if rest[:5] == b"Rcmd,":
            return self._command(_bytes(rest[5:]))
        if rest[:16] == b"ThreadExtraInfo,":
            cpu = self._thread(rest[16:])
            return self._target.describe(self._cpu if cpu is None else cpu).encode().hex().encode()
        match name:
            case b"Supported":
                self._features = set(text.split(b";"))
                transfers = b"qXfer:features:read+;qXfer:exec-file:read+;"
                return (
                    b"PacketSize=%x;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+;" % LONGEST
                    + transfers + b"qqemu.PhyMemMode+"
                )  # fmt: skip
            case b"Xfer":
                return self._transfer(text)
            case b"C":
                return b"QC%x" % (self._target.cpu + 1)
            case b"Attached":
                return b"1"
            case b"fThreadInfo":
                return b"m" + b",".join(b"%x" % (cpu + 1) for cpu in range(self._target.cpus))
            case b"sThreadInfo":
                return b"l"
            case b"qemu.PhyMemMode":
                return b"%d" % self._physical
            case b"qemu.Supported":
                return b"PhyMemMode"
        return _UNKNOWN

    def _setting(self, rest: bytes) -> bytes:
        match rest:
            case b"StartNoAckMode":
                self.acknowledges = False
                return _OK
            case b"qemu.PhyMemMode:0" | b"qemu.PhyMemMode:1":
                self._physical = rest.endswith(b"1")
                return _OK
        return _UNKNOWN

    def _transfer(self, text: bytes) -> bytes:
        """qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH"""
        parts = text.split(b":")
        if len(parts) != 4 or parts[1] != b"read":
            return _UNKNOWN
        numbers = _numbers(parts[3])
        if len(numbers) != 2:
            raise _Malformed
        if parts[0] == b"features" and parts[2] == b"target.xml":
            data = self._description
        elif parts[0] == b"exec-file" and (path := self._target.symbol_file()):
            data = path.encode("utf-8", "surrogateescape")
        else:
            return b"E00"
        start, size = numbers[0], min(numbers[1], _MOST)
        piece = data[start : start + size]
        return (b"m" if start + size < len(data) else b"l") + piece

    def _command(self, line: bytes) -> bytes:
        for text in self._target.monitor(self._cpu, line.decode("utf-8", "replace")):
            self.print(text)
        return _OK
