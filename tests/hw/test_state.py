"""The calibration of whole CPU states refuses an engine that does not behave."""

from __future__ import annotations

import pytest

from hw import EngineError, calibrate
from hw import state as module
from hw.state import CS, FLAGS, LDTR, STRIDE, state


def test_what_is_found_agrees_with_the_first_calibration() -> None:
    found, at = state(), calibrate.offsets()
    assert found is state()
    assert found.cr2 == at.cr2
    assert len({found.eflags, found.hflags, found.hflags2, found.cr0, found.cr3, found.cr4, found.dr0, found.dr6}) == 8
    assert found.gdt == found.segments + STRIDE * (LDTR + 2)


@pytest.mark.parametrize("name, wrong", [("eax", 2), ("cr2", 2), ("is_int", 1)])
def test_a_wrong_place_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, wrong: int) -> None:
    at = calibrate.offsets()
    monkeypatch.setattr(module, "offsets", lambda: at._replace(**{name: getattr(at, name) + wrong}))
    module.state.cache_clear()
    try:
        with pytest.raises(EngineError, match="cannot be used"):
            state()
    finally:
        module.state.cache_clear()


def test_an_engine_that_does_not_count_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.Engine.start
    monkeypatch.setattr(module.Engine, "start",
                        lambda self, eip, until, count=0: real(self, eip, until, count and count + 1))
    module.state.cache_clear()
    try:
        with pytest.raises(EngineError, match="the count of instructions"):
            state()
    finally:
        module.state.cache_clear()


def test_segments_are_found_by_number() -> None:
    assert (CS, LDTR, FLAGS) == (1, 6, 5)
