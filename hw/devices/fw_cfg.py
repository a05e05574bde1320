"""The firmware configuration device (QEMU documentation, "Firmware Configuration Device"), without DMA."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from hw.bus import Device
from hw.e820 import E820Entry

SELECTOR, DATA = 0x510, 0x511

SIGNATURE, ID, UUID, RAM_SIZE, CPU_COUNT, MAX_CPUS, FILE_DIRECTORY = 0x00, 0x01, 0x02, 0x03, 0x05, 0x0F, 0x19
_FIRST_FILE = 0x20
_NAME_SIZE = 56


class FwCfg(Device):
    """Items of bytes, read one after the other at port 0x511 after their key was written to port 0x510.

    Behind the end of an item, and for a key that there is not, reads give zeros. Numbers are little endian,
    those of the file directory big endian.
    """

    name = "fw_cfg"
    ports = ((SELECTOR, 2),)
    saved = ("key", "offset")

    def __init__(self, ram_size: int, cpus: int = 1, max_cpus: int | None = None, e820: Iterable[E820Entry] = (),
                 files: Mapping[str, bytes] | None = None) -> None:
        """``files`` beside ``etc/e820``, which is made of ``e820``. ValueError for a name of 56 bytes or more."""
        self.items: dict[int, bytes] = {
            SIGNATURE: b"QEMU",
            ID: struct.pack("<I", 1),
            UUID: bytes(16),
            RAM_SIZE: struct.pack("<Q", ram_size),
            CPU_COUNT: struct.pack("<H", cpus),
            MAX_CPUS: struct.pack("<H", cpus if max_cpus is None else max_cpus),
        }
        all_files = {
            "etc/e820": b"".join(struct.pack("<QQI", start, end - start, kind) for start, end, kind in e820),
            **(files or {}),
        }
        directory = struct.pack(">I", len(all_files))
        for key, (name, data) in enumerate(sorted(all_files.items()), _FIRST_FILE):
            if len(name.encode()) >= _NAME_SIZE:
                raise ValueError(f"the name of a fw_cfg file is too long: {name}")
            self.items[key] = data
            directory += struct.pack(f">IHH{_NAME_SIZE}s", len(data), key, 0, name.encode())
        self.items[FILE_DIRECTORY] = directory
        super().__init__()

    def reset(self) -> None:
        self.key = self.offset = 0

    def port_width(self, port: int) -> int:
        return 2 if port == SELECTOR else 1

    def port_read(self, port: int, size: int) -> int:
        if port == SELECTOR:
            return 0
        item = self.items.get(self.key, b"")
        value = item[self.offset] if self.offset < len(item) else 0
        self.offset += 1
        return value

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == SELECTOR:
            self.key = value & 0xBFFF  # without the bit that says the item will be written
            self.offset = 0
