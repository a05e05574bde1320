"""The gdb server over a socket, without gdb: garbage, lost packets, two who want in, Ctrl-C in a burst."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guest.elffile import ElfFile
from tools.gdb.packets import Decoder, Kind, encode

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SECONDS = 20
PROGRAM = """\
#include <linux/slab.h>
static volatile int go;
int main(void)
{
	while (!go)
		kfree(kmalloc(100, GFP_KERNEL));
	return 0;
}
"""


class Client:
    """The other end: sends packets, gives answers."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS)
        self.socket.connect(str(path))
        self._decoder, self._answers = Decoder(), list[bytes]()

    def answer(self) -> bytes:
        """The next packet."""
        while not self._answers:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self._answers += [item.data for item in self._decoder.feed(data) if item.kind is Kind.PACKET]
        return self._answers.pop(0)

    def ask(self, packet: bytes) -> bytes:
        """The answer to a packet."""
        self.socket.sendall(encode(packet))
        return self.answer()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A program that waits for gdb, and the path of its socket. It must end well, and leave nothing behind."""
    (tmp_path / "prog.c").write_text(PROGRAM)
    path = tmp_path / "gdb.sock"
    command = [*COMMAND, "run", "prog.c", f"--gdb={path}", "--ram", "64M", "-ex", "fsck"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert "waiting for gdb" in process.stderr.readline()
            yield process, path
            out, err = process.communicate(timeout=SECONDS)
            assert process.returncode == 0 and "Traceback" not in err, out + err
        finally:
            process.kill()


def let_go(client: Client) -> None:
    """Have the program's loop end, and the program go on without gdb."""
    symbols = ElfFile(Path(client.ask(b"qXfer:exec-file:read::0,400")[1:].decode()).read_bytes(), "symbols").symbols
    go = next(symbol.value for symbol in symbols if symbol.name == "go")
    assert client.ask(b"M%x,4:01000000" % go) == b"OK"
    assert client.ask(b"D") == b"OK"


Started = tuple[subprocess.Popen[str], Path]
#: what says go on, or changes something, is not among the packets; it is, in ways that make no sense
_PACKETS = st.one_of(
    st.binary(max_size=60).filter(lambda packet: packet[:1] not in b"cCsSDkGPMXvR"),
    st.tuples(st.sampled_from((
        b"vCont;x", b"vCont;s:99", b"Mzz", b"M", b"Xc0100000,5:", b"Pfff=", b"G", b"m", b"mffffffff,ffffffff", b"Z0,",
        b"Z3,0,1", b"qRcmd,", b"qRcmd,7", b"qXfer:", b"qXfer:exec-file:read::", b"Hg", b"T", b"vKil",
        b"qThreadExtraInfo,",
    )), st.binary(max_size=8)).map(b"".join),
).filter(lambda packet: not packet.startswith((b"Qqemu.PhyMemMode:1", b"QStart")))  # fmt: skip
_BYTES = st.one_of(_PACKETS.map(encode), st.binary(max_size=60).filter(lambda data: b"$" not in data), st.just(b"$#"))


@pytest.mark.slow
def test_garbage_hurts_neither_server_nor_machine(program: Started) -> None:
    client = Client(program[1])

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.lists(_BYTES, max_size=10).map(b"".join))
    def send(data: bytes) -> None:
        client.socket.sendall(data + b"$#00")  # ends whatever has begun
        answer = client.ask(b"qSupported")
        while not answer.startswith(b"PacketSize="):
            answer = client.answer()
        assert client.ask(b"?") == b"T05thread:1;" and client.ask(b"qC") == b"QC1"

    send()
    let_go(client)


@pytest.mark.slow
def test_lost_packets_come_again(program: Started) -> None:
    client = Client(program[1])
    client.socket.sendall(b"$qC#00")
    assert client.socket.recv(1) == b"-"
    assert client.ask(b"qC") == b"QC1"
    for _ in range(3):
        client.socket.sendall(b"-")
        assert client.answer() == b"QC1"
    assert client.ask(b"QStartNoAckMode") == b"OK"
    client.socket.sendall(encode(b"qC"))
    assert client.socket.recv(100) == b"$QC1#c5"
    let_go(client)


def test_ctrl_c_right_behind_the_order_to_go_on(program: Started) -> None:
    client = Client(program[1])
    for _ in range(20):
        client.socket.sendall(encode(b"vCont;c") + b"\x03")
        assert client.answer().startswith(b"T02thread:1;")
        client.socket.sendall(b"\x03")  # means nothing while it stands
    for _ in range(20):
        assert client.ask(b"vCont;s:1").startswith(b"T05thread:1;")
    let_go(client)


@pytest.mark.slow
def test_a_second_gdb_waits_for_the_first_to_go(program: Started) -> None:
    first, second = Client(program[1]), Client(program[1])
    second.socket.sendall(encode(b"qC"))
    first.socket.sendall(encode(b"vCont;c") + b"\x03")
    assert first.answer().startswith(b"T02")
    assert first.ask(b"D") == b"OK"
    first.socket.close()
    assert second.answer() == b"QC1"  # and the machine stands
    assert second.ask(b"?").startswith(b"T02")
    let_go(second)


def test_commands_do_not_run_a_machine_that_stands(program: Started) -> None:
    client = Client(program[1])
    text = bytes.fromhex(client.ask(b"qRcmd," + b"slabtop --watch".hex().encode())[1:].decode()).decode()
    assert client.answer() == b"OK" and text.startswith("error: ") and "runs in this machine" in text
    let_go(client)
