"""What every state machine over a `Sequence` has: a machine, the check behind each step, the steps of whole caches."""

from __future__ import annotations

import gc

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from guest.kernel import Kernel
from mm.setup import BootOptions
from tests.mm.sequence import Sequence

INDEX = st.integers(0, 1 << 16)


class CacheRules(RuleBasedStateMachine):
    """A machine with `options`, and the steps that concern whole caches."""

    options: BootOptions

    def __init__(self) -> None:
        super().__init__()
        self.sequence = Sequence(Kernel.boot(self.options))

    def teardown(self) -> None:
        try:
            self.sequence.kernel.close()
        except BufferError:  # the traceback of a failure holds views of the memory
            gc.collect()

    @invariant()
    def sound(self) -> None:
        self.sequence.check()

    @rule(index=INDEX)
    def destroy_cache(self, index: int) -> None:
        self.sequence.destroy_cache(index)

    @rule(index=INDEX)
    def shrink(self, index: int) -> None:
        self.sequence.shrink(index)

    @rule(index=INDEX, limit=st.integers(1, 300), batchcount=st.integers(1, 150), shared=st.integers(0, 20))
    def tune(self, index: int, limit: int, batchcount: int, shared: int) -> None:
        self.sequence.tune(index, limit, batchcount, shared)

    @rule(ticks=st.integers(1, 3000))
    def pass_time(self, ticks: int) -> None:
        self.sequence.pass_time(ticks)

    @rule(number=INDEX)
    def on_cpu(self, number: int) -> None:
        self.sequence.on_cpu(number % len(self.sequence.cpus()))
