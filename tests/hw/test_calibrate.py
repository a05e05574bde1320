"""An engine that is not as measured is refused."""

from __future__ import annotations

from ctypes.util import find_library

import pytest

from hw import EngineError, calibrate, engine


@pytest.fixture
def fresh(monkeypatch):
    calibrate.offsets.cache_clear()
    yield monkeypatch
    calibrate.offsets.cache_clear()


def test_offsets_are_distinct_and_inside() -> None:
    found = calibrate.offsets()
    assert len(set(found)) == len(found)
    assert all(0 < at < 4096 for at in found)


def test_an_engine_that_resets_old_exception_or_hides_it(fresh) -> None:
    restored = calibrate._Bench.run

    def run(self, code):
        self.context.words[:] = self.context.words  # as it is
        vector, words = restored(self, code)
        return (14 if vector == 8 else vector), words

    fresh.setattr(calibrate._Bench, "run", run)
    with pytest.raises(EngineError, match="old_exception"):
        calibrate.offsets()


def test_an_engine_without_exceptions(fresh) -> None:
    fresh.setattr(engine.Engine, "hook", lambda self, kind, callback: None)
    with pytest.raises(EngineError, match="page fault"):
        calibrate.offsets()


def test_an_engine_whose_contexts_say_nothing(fresh) -> None:
    fresh.setattr(engine.Context, "save", lambda self: None)
    with pytest.raises(EngineError, match="register EAX"):
        calibrate.offsets()


def test_an_engine_with_other_error_codes(fresh) -> None:
    fresh.setattr(calibrate, "_PROBES", tuple(
        probe._replace(error_code=probe.error_code ^ 4) for probe in calibrate._PROBES))
    with pytest.raises(EngineError, match="error code"):
        calibrate.offsets()


def test_no_library(monkeypatch) -> None:
    monkeypatch.setattr(engine, "_library_path", lambda: "libno-such-unicorn.so")
    with pytest.raises(EngineError, match="cannot load Unicorn"):
        engine.Library()


def test_another_library(monkeypatch) -> None:
    monkeypatch.setattr(engine, "_library_path", lambda: find_library("c") or "libc.so.6")
    with pytest.raises(EngineError, match="cannot load Unicorn"):
        engine.Library()
