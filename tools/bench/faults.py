"""The price of a fault and of its explanation: faults of guest C, caught by the exception table."""

from __future__ import annotations

from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from tools.bench import bare

COUNT = 2_000
PLACES = {"0x1000": "user space", "0xffffe000": "an empty slot of the fixmap", "0": "a guard page"}


def main() -> None:
    """Print what a fault costs at each kind of address, without and with a record."""
    with Kernel.boot() as kernel:
        program = elf.read(cc.build([Path(__file__).with_name("faults.c")], kernel.layout))

        def once(address: str) -> None:
            if kernel.run(program, ["faults", str(COUNT), address]):
                raise AssertionError("the program failed")

        plain = {address: bare.best(lambda at=address: once(at), COUNT, 3) for address in PLACES}  # type: ignore[misc]
        kernel.record_faults()
        for address, what in PLACES.items():
            cost = bare.best(lambda at=address: once(at), COUNT, 3)  # type: ignore[misc]
            bare.report(f"{what}, recorded", cost, plain[address], "not recorded")


if __name__ == "__main__":
    main()
