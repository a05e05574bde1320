"""Follows memory that was never written to through a CPU's registers, and tells where it decides something.

Nothing is done until an instruction reads such memory. From then on every instruction calls, until no register and no
flag is unset any more. Of a byte in memory that is UNSET all bits are, unless the Unset knows better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hw.breakpoints import Probe
from hw.cpu import CPU
from hw.engine import REGISTERS
from hw.shadow import ON_STACK, PLAIN, STACK, STACK_UNSET, UNSET, Unset
from hw.taint import EAX, ECX, GENERAL, Decides, Op, Place, Rule, Values, decode, result

if TYPE_CHECKING:
    from hw.access_watch import AccessWatch

_NUMBERS = [REGISTERS[name] for name in GENERAL]
_EFLAGS = REGISTERS["eflags"]
_EIP, _ESP = REGISTERS["eip"], REGISTERS["esp"]
_STORE_SIZE = 6  # bytes of an instruction that the host may have done by itself
_MOST_LEFT = 1024  # runs
_ARGUMENTS = 64  # bytes of the stack that host code fills before it starts a CPU


_State = tuple[list[int], list[int], bool, int, "Rule | None", int, int, int, int]
#: A run that was left: EIP, and what was known then. A task may go on with another CPU: they are kept by stack pointer.
Left = tuple[int, _State]


class UnsetUse(NamedTuple):
    """An unset value that decides something: "branch", "address" or "jump", or is a run's "result". origin: where in
    physical memory the byte is that was never written to.
    """

    cpu: CPU
    eip: int
    what: str
    origin: int


class Uninit:
    """Follows one CPU. code(eip): the bytes of an instruction; watch_all(wanted): have every access told."""

    def __init__(
        self, watch: AccessWatch, cpu: CPU, unset: Unset, on_unset: Callable[[UnsetUse], None],
        code: Callable[[int], bytes], watch_all: Callable[[bool], None],
    ) -> None:  # fmt: skip
        self._watch = watch
        self._cpu = cpu
        self._unset = unset
        self._on_unset = on_unset
        self._code = code
        self._watch_all = watch_all
        read = cpu._engine.read_register
        self._values = Values(lambda number: read(_NUMBERS[number]), lambda: read(_EFLAGS))
        self._probe = Probe(cpu, self._step, lambda touch: None)
        self.rules: dict[int, Rule | None] = {}
        self._armed = False
        self._eip = 0  # of the last instruction that was looked at
        #: whether what was in EAX when the last run ended is unset
        self.result: UnsetUse | None = None
        self._reset()

    def _reset(self) -> None:
        self._masks, self._origins = [0] * 8, [0] * 8
        self._flags, self._flags_origin = False, 0
        self._rule: Rule | None = None
        self._loaded = self._value = self._pending = self._origin = 0

    # runs

    def enter(self, eip: int, esp: int) -> _State:
        """A run begins, perhaps within an instruction of another; what `leave` takes. Where an earlier run was left,
        with the same stack pointer, it goes on with what was known then.
        """
        before = self._state
        left_at, state = self._watch.left.pop(esp, (0, None))
        if state is not None and eip - left_at in (0, _STORE_SIZE):
            self._state = state
        else:
            self._reset()
            start = esp - 0xC0000000
            if 0 <= start and start + _ARGUMENTS <= len(self._watch.shadow):
                self._unset.clear(start, _ARGUMENTS)
        self._arm_if_needed()
        return before

    def leave(self, before: _State, until: int) -> None:
        """It has ended, or was stopped before `until`."""
        read = self._cpu._engine.read_register
        self.result = None
        if self._masks[EAX]:
            self.result = UnsetUse(self._cpu, self._eip, "result", self._origins[EAX])
        eip, left = read(_EIP), self._watch.left
        if eip != until:
            left[read(_ESP)] = eip, self._state
            if len(left) > _MOST_LEFT:
                del left[next(iter(left))]
        self._state = before
        self._arm_if_needed()

    @property
    def _state(self) -> _State:
        return (
            self._masks, self._origins, self._flags, self._flags_origin, self._rule, self._loaded, self._value,
            self._pending, self._origin,
        )  # fmt: skip

    @_state.setter
    def _state(self, state: _State) -> None:
        (
            self._masks, self._origins, self._flags, self._flags_origin, self._rule, self._loaded, self._value,
            self._pending, self._origin,
        ) = state  # fmt: skip

    def _needed(self) -> bool:
        return self._rule is not None or self._flags or any(self._masks)

    def _arm_if_needed(self) -> None:
        self._arm(self._needed())

    def _arm(self, wanted: bool) -> None:
        if wanted != self._armed:
            self._armed = self._probe.every = wanted
            self._watch_all(wanted)

    # instructions

    def _step(self, eip: int) -> None:
        """An instruction is about to run, and the one before has."""
        self._finish()
        if eip in self._watch.exempt:  # of the registers a call changes EAX
            self._masks[EAX], self._flags = 0, False
            return
        if not self._flags and not any(self._masks):
            self._arm(False)
            return
        self._begin(eip)
        if self._rule is not None:
            self._decide(self._rule, eip)

    def _begin(self, eip: int) -> None:
        self._eip = eip
        rule = self.rules.get(eip)
        if rule is None and eip not in self.rules:
            rule = self.rules[eip] = decode(self._code(eip), eip)
        self._rule = rule
        self._loaded = self._value = self._origin = 0
        self._compute()

    def _compute(self) -> None:
        rule = self._rule
        self._pending = 0
        if rule is not None:
            self._pending = result(rule, self._masks, self._flags, self._loaded, self._value, self._values)
            if self._pending and not self._loaded:
                found = [self._origins[p.number] for p in rule.sources if self._masks[p.number]]
                self._origin = found[0] if found else self._flags_origin

    def _finish(self) -> None:
        rule, self._rule = self._rule, None
        if rule is None:
            return
        if rule.op is Op.MAYBE:  # which leaves EFLAGS, and in the middle of an instruction they cannot be read
            self._rule = rule
            self._compute()
            self._rule = None
        mask, origin = self._pending, self._origin
        if rule.op is Op.SWAP and len(rule.sources) == 2:
            one, two = rule.sources
            other = self._masks[one.number] >> one.shift, self._origins[one.number]
            self._set(one, mask, origin)
            self._set(two, *other)
        elif rule.to is not None:
            self._set(rule.to, mask, origin)
        for place in rule.more:
            self._set(place, mask, origin)
        if rule.flags:
            self._flags, self._flags_origin = mask != 0, origin

    def _set(self, place: Place, mask: int, origin: int) -> None:
        masks, whole = self._masks, (1 << 8 * place.size) - 1
        masks[place.number] = masks[place.number] & ~(whole << place.shift) | (mask & whole) << place.shift
        if mask & whole:
            self._origins[place.number] = origin

    def _decide(self, rule: Rule, eip: int) -> None:
        masks = self._masks
        for number in rule.addresses:
            if masks[number]:
                what = "jump" if rule.decides is Decides.TARGET and not rule.loads else "address"
                masks[number] = 0
                self._on_unset(UnsetUse(self._cpu, eip, what, self._origins[number]))
        if rule.decides in (Decides.COUNT, Decides.REPEAT) and masks[ECX]:
            masks[ECX] = 0
            self._on_unset(UnsetUse(self._cpu, eip, "branch", self._origins[ECX]))
        if rule.decides in (Decides.FLAGS, Decides.REPEAT) and self._flags:
            self._flags = False
            self._on_unset(UnsetUse(self._cpu, eip, "branch", self._flags_origin))

    # accesses

    def touch(self, eip: int, pa: int, size: int, offset: int, write: bool) -> None:
        """The instruction at `eip` accesses bytes in one page, which begin `offset` bytes into the access."""
        if not self._armed:
            if write:
                self._unset.clear(pa, size)
                return
            if self._unset.origin(pa, size) is None:
                return
            self._begin(eip)
            self._arm(True)
        if write:
            self._store(pa, size, offset)
        else:
            self._load(eip, pa, size, offset)

    def _load(self, eip: int, pa: int, size: int, offset: int) -> None:
        for at in range(size):
            mask, origin = self._unset.of(pa + at)
            if mask:
                if not self._loaded:
                    self._origin = origin
                self._loaded |= mask << 8 * (offset + at)
        self._value |= int.from_bytes(self._watch.ram.bytes[pa : pa + size], "little") << 8 * offset
        if self._rule is not None and self._rule.decides is Decides.TARGET and self._loaded:
            self._loaded = 0
            self._on_unset(UnsetUse(self._cpu, eip, "jump", self._origin))
        self._compute()

    def _store(self, pa: int, size: int, offset: int) -> None:
        shadow, known, rule = self._watch.shadow, self._unset.known, self._rule
        mask, origin = self._pending, self._origin
        if rule is None or rule.decides is Decides.TARGET:
            mask = 0
        elif rule.op is Op.SWAP:
            place = rule.sources[0]
            mask, origin = self._masks[place.number] >> place.shift, self._origins[place.number]
        mask >>= 8 * offset
        if not mask:
            self._unset.clear(pa, size)
            return
        for at in range(pa, pa + size):
            part, mask = mask & 0xFF, mask >> 8
            stack = shadow[at] in ON_STACK
            if part:
                known[at] = part, origin
                shadow[at] = STACK_UNSET if stack else UNSET
            else:
                shadow[at] = STACK if stack else PLAIN
