"""The walker against the CPU: verdict, error code and physical address, for every kind of entry."""

from __future__ import annotations

import itertools

import pytest

from hw.paging import CR4_PSE, CR4_SMEP, PS, RW, US, Access, P, walk

BASE = 0x00C0_0000  # as a table and as a 4 MB page it is RAM; bits 13 and 21 are clear in it
RESERVED, PSE36 = 1 << 21, 1 << 13
FRAME = 0x0200_0000
LINEAR = 0x4000_5000
USER_CODE = 0x5000_0000
USER_FRAME = 0x0300_0000
PDES = [sum(bits) for bits in itertools.product((0, P), (0, RW), (0, US), (0, PS), (0, RESERVED), (0, PSE36))]
PTES = [sum(bits) for bits in itertools.product((0, P), (0, RW), (0, US))]
BARREN = (0, 0x80 | 0x200 | 0x10)  # PAT, AVL, PCD: no say in anything


@pytest.mark.parametrize("user", [False, True], ids=["ring0", "ring3"])
@pytest.mark.parametrize("cr4", [0, CR4_PSE, CR4_PSE | CR4_SMEP], ids=["nopse", "pse", "smep"])
def test_every_combination(make_bench, cr4: int, user: bool) -> None:
    bench = make_bench(4096)
    cpu, words = bench.cpu, bench.words
    # What a page holds at LINEAR: `mov eax, <mark>`, and a mark that tells the frame, for whichever frame is reached
    offset = LINEAR & 0x3F_F000
    frames = {BASE + offset, BASE + (1 << 32) + offset, FRAME}
    for index, frame in enumerate(sorted(frames), 1):
        bench.code(frame, b"\xb8" + (0xA000 + index).to_bytes(4, "little") + b"\x90" * 7)
        words[(frame >> 2) + 16] = 0xB000 + index
    bench.map(USER_CODE, USER_FRAME | P | US)
    data_code = {Access.READ: bench.load(LINEAR + 64), Access.WRITE: bench.store(LINEAR + 64, "esi")}
    places = {}
    for index, (access, code) in enumerate(data_code.items()):
        bench.code(bench.CODE + index * 64, code + b"\x90" * 4)
        bench.code(USER_FRAME + index * 64, code + b"\x90" * 4)
        places[access] = (bench.CODE if not user else USER_CODE) + index * 64, len(code)
    places[Access.FETCH] = LINEAR, 5

    faults = []

    def on_exception(frame) -> None:
        faults.append((frame.vector, frame.error_code, frame.cr2))
        cpu.stop()

    cpu.on_exception = on_exception
    states = []
    for wp in (0, 1):
        cpu["cr0"] = 0x8000_0033 | wp << 16
        cpu["cr4"] = cr4
        cpu["esp"] = bench.STACK
        ring0 = cpu.save_state()
        if user:
            bench.enter_ring3(USER_CODE)
        states.append((cpu["cr0"], cpu.save_state()))
        cpu.restore_state(ring0)
    slot = (bench.DIRECTORY >> 2) + (LINEAR >> 22)
    checked = 0
    for (cr0, state), pde, pte, extra in itertools.product(states, PDES, PTES, BARREN):
        pde_value, pte_value = BASE | pde | extra & ~PS, FRAME | pte | extra
        table_entry = ((pde_value & ~0xFFF) + (LINEAR >> 10 & 0xFFC)) >> 2
        for access in Access:
            words[slot], words[table_entry] = pde_value, pte_value
            cpu.restore_state(state)
            verdict = walk(words, bench.DIRECTORY, LINEAR if access is Access.FETCH else LINEAR + 64, cr0=cr0,
                           cr4=cr4, access=access, user=user)
            mark = 0xC000_0000 + checked
            cpu["esi"], cpu["eax"] = mark, 0
            faults.clear()
            eip, length = places[access]
            end = cpu.run(eip, eip + length)
            case = f"{pde_value:#x} {pte_value:#x} {access} cr0={cr0:#x}: {verdict}"
            if end == "until":
                assert verdict.error_code is None and not faults, case
                held = words[verdict.pa >> 2]
                if access is Access.WRITE:
                    assert held == mark, case
                    words[verdict.pa >> 2] = 0xB000 + 1 + sorted(frames).index(verdict.pa & ~0xFFF)
                elif access is Access.READ:
                    assert held == cpu["eax"] and held >> 12 == 0xB, case
                else:
                    assert cpu["eax"] == int.from_bytes(bench.ram.read(verdict.pa + 1, 4), "little"), case
            else:
                assert verdict.pa is None, case
                assert faults == [(14, verdict.error_code, verdict.linear)], case
                assert verdict.deciding is not None or "CR4.SMEP" in verdict.reason, case
            checked += 1
    assert checked == 2 * 64 * 8 * 2 * 3


@pytest.mark.parametrize("where", [0xA_0000, 0x100_0000, 0xE000_0000])
def test_a_table_outside_ram_reads_as_zero(bench, where: int) -> None:
    codes = []
    bench.cpu.on_exception = lambda frame: (codes.append(frame.error_code), bench.cpu.stop())
    bench.words[(bench.DIRECTORY >> 2) + (bench.SCRATCH >> 22)] = where | P | RW
    for access, code in (("read", bench.load(bench.SCRATCH)), ("write", bench.store(bench.SCRATCH))):
        assert bench.start(code) == "stopped"
        verdict = walk(bench.words, bench.DIRECTORY, bench.SCRATCH, cr0=bench.cpu["cr0"], cr4=0x90, access=access)
        assert verdict.error_code == codes.pop() and verdict.reason == "PTE.P=0"
        assert verdict.levels[1].address == where


def test_a_directory_outside_ram_reads_as_zero(bench) -> None:
    codes = []
    bench.cpu.on_exception = lambda frame: (codes.append(frame.error_code), bench.cpu.stop())
    bench.cpu["cr3"] = 0x200_0000
    assert bench.cpu.run(bench.CODE, bench.CODE + 8) == "stopped"
    verdict = walk(bench.words, 0x200_0000, bench.CODE, cr0=bench.cpu["cr0"], cr4=0x90, access="fetch")
    assert verdict.error_code == codes[0] == 0
