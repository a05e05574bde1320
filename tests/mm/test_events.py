"""The stream of events: who hears what, and the tracepoints of reclaim, of the scheduler and of the windows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from hw.errors import HighmemError
from mm.events import FIELDS, SYSTEMS, TYPES, Events, matching
from mm.gfp import GFP_KERNEL
from mm.setup import BootOptions

PROGRAMS = Path(__file__).resolve().parents[1] / "guest" / "programs"
MB = 1 << 20


def test_every_event_is_declared_once_and_has_an_attribute() -> None:
    assert sum(len(events) for events in SYSTEMS.values()) == len(FIELDS) == len(TYPES)
    events = Events()
    assert all(getattr(events, name) is None for name in FIELDS)
    assert set(Events.__annotations__) == set(FIELDS)
    assert FIELDS["sched_switch"][:2] == ("prev_comm", "prev_pid") and TYPES["sched_switch"]["prev_comm"] == "char [16]"


def test_listeners() -> None:
    events, heard, tapped = Events(), list[tuple[str, dict[str, Any]]](), list[tuple[int, ...]]()

    def listener(event: str, fields: dict[str, Any]) -> None:
        heard.append((event, fields))

    events.subscribe(["kfree"], listener)
    events.subscribe(["kf*"], listener)  # once only
    assert events.kfree is not None and events.kmalloc is None
    events.kfree(1, 2)
    assert heard == [("kfree", {"call_site": 1, "ptr": 2})]
    events.tap("kfree", tapped, lambda *values: tapped.append(values))
    events.kfree(3, 4)
    assert len(heard) == 2 and tapped == [(3, 4)]
    events.unsubscribe(listener)
    events.kfree(5, 6)
    assert len(heard) == 2 and tapped[-1] == (5, 6)
    events.unsubscribe(tapped)
    assert events.kfree is None
    with pytest.raises(HighmemError, match="no event is called 'kmal'"):
        events.subscribe(["kmalloc", "kmal"], listener)
    assert events.kmalloc is None
    assert matching(["*_free", "kfree"]) == ["kfree", "kmem_cache_free", "mm_page_free"]


def traced(path: Path, *patterns: str, ram: int = 64 * MB, arguments: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    events: list[tuple[str, Any]] = []
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        program = elf.read(cc.build([path], kernel.layout), path.name)
        kernel.events.subscribe(patterns, lambda event, fields: events.append((event, fields)))
        kernel.run(program, [path.name, *arguments], 60)
    return events


def test_reclaim() -> None:
    events = traced(cc.PROGRAMS / "pressure.c", "mm_vmscan_*", ram=16 * MB)
    count = Counter(event for event, _ in events)
    assert count["mm_vmscan_wakeup_kswapd"] and count["mm_vmscan_kswapd_wake"]
    assert 0 <= count["mm_vmscan_kswapd_sleep"] - count["mm_vmscan_kswapd_wake"] <= 1
    direct = [(event, fields) for event, fields in events if "direct" in event]
    assert direct and [event[-5:] for event, _ in direct] == ["begin", "m_end"] * (len(direct) // 2)
    assert all(fields["gfp_flags"] & GFP_KERNEL for event, fields in direct if event.endswith("begin"))
    assert any(fields["nr_reclaimed"] for event, fields in direct if event.endswith("end"))


def test_the_victim_of_the_oom_killer() -> None:
    events = traced(PROGRAMS / "reclaim_oom.c", "mark_victim", arguments=("0xd0", "0"))
    assert [event for event, _ in events] == ["mark_victim"] and events[0][1]["pid"] > 1


def test_switches_begin_where_the_last_one_ended() -> None:
    events = traced(cc.PROGRAMS / "threads.c", "sched_*", "timer_*")
    switches = [fields for event, fields in events if event == "sched_switch"]
    for before, after in zip(switches, switches[1:]):
        assert (before["next_pid"], before["next_comm"]) == (after["prev_pid"], after["prev_comm"])
    assert {"swapper", "kswapd0", "threads"} <= {fields["next_comm"] for fields in switches}
    woken = {fields["comm"] for event, fields in events if event == "sched_wakeup"}
    assert woken <= {fields["next_comm"] for fields in switches}
    timers = [(event[13:], fields["timer"]) for event, fields in events if event.startswith("timer_expire")]
    assert timers and timers == [pair for _, timer in timers[::2] for pair in (("entry", timer), ("exit", timer))]


def test_atomic_windows() -> None:
    events = traced(cc.PROGRAMS / "tour.c", "k*map*", ram=1024 * MB)
    assert [event for event, _ in events] == ["kmap", "kmap_atomic", "kunmap_atomic", "kunmap"]
    lasting, mapped, unmapped, _ = (fields for _, fields in events)
    assert mapped["pfn"] == lasting["pfn"] and mapped["ptr"] == unmapped["ptr"] != lasting["ptr"]
    assert (mapped["type"], unmapped["type"]) == (3, 3)
