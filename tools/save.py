"""`--save IMAGE`: the machine as an ELF core, and beside it an ELF with its types and symbols."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from guest.symbol_file import symbol_file
from hw.files import replaced

if TYPE_CHECKING:
    from guest.kernel import Kernel


def save(kernel: Kernel, path: str) -> str:
    """Write IMAGE and IMAGE.vmlinux, each as a whole; a line that tells what to do with them. Raises OSError."""
    types = f"{path}.vmlinux"
    kernel.save(path)
    with replaced(types) as partial, open(partial, "wb") as file:
        file.write(symbol_file(kernel.layout, kernel.symbols))
    return f"highmem: saved; 'gdb {shlex.quote(types)} {shlex.quote(path)}' or 'highmem monitor {shlex.quote(path)}'\n"
