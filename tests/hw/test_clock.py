"""Virtual time: timers in order, cancelled ones, and what is armed from within one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hw.clock import VirtualClock


def test_timers_run_at_their_deadlines_in_order() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, int]] = []
    for name, deadline in (("b", 20), ("a", 10), ("c", 20), ("d", 30)):
        clock.at(deadline, lambda name=name: seen.append((name, clock.now)))
    clock.advance(25)
    assert seen == [("a", 10), ("b", 20), ("c", 20)] and clock.now == 25
    assert clock.next_deadline() == 30


def test_cancelled_timers_do_not_run() -> None:
    clock = VirtualClock()
    seen: list[int] = []
    timer = clock.at(5, lambda: seen.append(5))
    clock.at(7, lambda: seen.append(7))
    timer.cancel()
    timer.cancel()
    assert clock.next_deadline() == 7
    clock.advance(10)
    timer.cancel()
    assert seen == [7] and clock.next_deadline() is None


def test_a_timer_may_arm_another() -> None:
    clock = VirtualClock()
    seen: list[int] = []

    def tick() -> None:
        seen.append(clock.now)
        clock.at(clock.now + 10, tick)

    clock.at(10, tick)
    clock.advance(45)
    assert seen == [10, 20, 30, 40] and clock.next_deadline() == 50


def test_time_never_goes_back() -> None:
    clock = VirtualClock()
    clock.spend(100)
    seen: list[int] = []
    clock.at(50, lambda: seen.append(clock.now))
    clock.advance(60)
    assert seen == [100] and clock.now == 100


def test_who_waits_hears_of_an_earlier_deadline() -> None:
    clock = VirtualClock()
    heard: list[int | None] = []
    clock.armed = lambda: heard.append(clock.next_deadline())
    for deadline in (50, 70, 20, 20):
        clock.at(deadline, lambda: None)
    assert heard == [50, 20]


def test_live_time_counts() -> None:
    clock = VirtualClock()
    clock.live = lambda: 7
    assert clock.now == 7
    clock.spend(3)
    assert clock.now == 10


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=30), st.lists(st.integers(0, 120), max_size=8))
def test_as_a_sorted_list(timers: list[tuple[int, bool]], stops: list[int]) -> None:
    clock = VirtualClock()
    seen: list[int] = []
    for number, (deadline, cancel) in enumerate(timers):
        timer = clock.at(deadline, lambda number=number: seen.append(number))
        if cancel:
            timer.cancel()
    for stop in sorted(stops):
        clock.advance(stop)
        due = [(deadline, number) for number, (deadline, cancel) in enumerate(timers)
               if not cancel and deadline <= stop]
        assert seen == [number for _, number in sorted(due)]
