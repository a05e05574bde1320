"""The server: a socket that one gdb at a time connects to, and the talk with it while the machine stands."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import stat
import struct
import threading
from collections.abc import Callable
from enum import Enum, auto

from hw.errors import HighmemError
from tools.gdb.packets import Decoder, Item, Kind, encode
from tools.gdb.stub import Move, Order, Stop, Stub
from tools.gdb.target import Target

DEFAULT_PORT = 1234
_LOOPBACK = "127.0.0.1"
_HOSTS = ("", "localhost", _LOOPBACK)
_POLL_SECONDS = 0.1
_LINGER_SECONDS = 2.0  # for gdb to take the last packet
_PATIENCE_SECONDS = 20  # for gdb to take any other one
_MOST_WAITING = 10_000  # packets; gdb sends one and waits for its answer


class GdbError(HighmemError):
    """An address that no server can listen at."""


class _Link(Enum):
    """What the listening thread tells besides packets."""

    OPENED = auto()
    CLOSED = auto()


def listen(where: str) -> socket.socket:
    """A listening socket: a port of this host's loopback interface (0: a free one; "": 1234), or the path of a Unix
    socket. Raises GdbError.
    """
    where = where or str(DEFAULT_PORT)
    host, colon, port = where.rpartition(":")
    if "/" in where or not port.isdecimal():
        if colon and port.isdecimal() or not where.strip():
            raise GdbError(f"not a port and not a path: {where!r}")
        return _listen_at_path(where)
    if host not in _HOSTS:
        raise GdbError(f"gdb is served on the loopback interface only, not on {host}")
    if int(port) > 0xFFFF:
        raise GdbError(f"there is no port {port}")
    server = socket.socket(socket.AF_INET)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((_LOOPBACK, int(port)))
        server.listen(1)
    except OSError as error:
        server.close()
        raise GdbError(f"cannot listen on port {port}: {error.strerror}") from None
    return server


def _listen_at_path(path: str) -> socket.socket:
    """A socket that a server left behind, at which nobody listens, is replaced; nothing else is."""
    server = socket.socket(socket.AF_UNIX)
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                with socket.socket(socket.AF_UNIX) as other:
                    if other.connect_ex(path):
                        os.unlink(path)
        before = os.umask(0o077)  # for its owner alone
        try:
            server.bind(path)
        finally:
            os.umask(before)
        server.listen(1)
    except OSError as error:
        server.close()
        raise GdbError(f"cannot listen at {path}: {error.strerror or error}") from None
    return server


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(how)


class Server:
    """Serves gdb over a Target, in the thread of the machine. interrupt() stops the machine, from another thread.

    halted(): whether the machine is ended by someone else. tell(line) gets what the user should know.
    """

    def __init__(
        self, where: str, target: Target, interrupt: Callable[[], None], halted: Callable[[], bool],
        tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._socket = listen(where)
        self._target = target
        self._interrupt = interrupt
        self._halted = halted
        self._tell = tell
        self._stub: Stub | None = None
        self._items: queue.SimpleQueue[Item | _Link] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of _running, and what that means for an item
        self._sending = threading.Lock()
        self._connection: socket.socket | None = None
        self._last = b""  # the packet that gdb may want again
        self._running = False
        self._closing = False
        self._ended = threading.Event()
        threading.Thread(target=self._listen, name="gdb server", daemon=True).start()

    @property
    def address(self) -> str:
        """What `target remote` takes."""
        name = self._socket.getsockname()
        return os.path.abspath(name) if self._socket.family == socket.AF_UNIX else f":{name[1]}"

    @property
    def attached(self) -> bool:
        """Whether a gdb is there, or has just come."""
        return self._stub is not None or self._connection is not None

    def serve(self, stop: Stop, wait: bool = False, words: str = "") -> Order:
        """Answer gdb until it says how to go on, or the machine is halted. Without a gdb the machine goes on at once,
        or waits for one. words: what gdb prints before the stop.
        """
        with self._lock:
            self._running = False
        if self._stub is not None:
            if words:
                self._stub.print(words)
            self._send(self._stub.stopped(stop))
        while not self._halted():
            if self._stub is None and not wait and self._connection is None and self._items.empty():
                return Order(Move.CONTINUE)
            try:
                item = self._items.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            order = self._take(item, stop)
            if order is None:
                continue
            wait = False
            if order.move in (Move.DETACH, Move.KILL):
                self._leave()
            self._go()
            return order
        return Order(Move.CONTINUE)

    def exited(self, packet: bytes) -> None:
        """Tell gdb how the program ended, W or X and the status."""
        with self._lock:
            self._running = False
        if self._stub is not None or self._connection is not None:
            self._send(packet)
            self._stub = None
            self._hang_up()

    def close(self) -> None:
        """Stop listening; gdb, if one is there, sees the connection close."""
        self._closing = True
        path = self.address if self._socket.family == socket.AF_UNIX else None
        _shut(self._socket, socket.SHUT_RDWR)
        self._socket.close()
        self._hang_up()
        if path is not None:
            with contextlib.suppress(OSError):
                os.unlink(path)

    # in the thread of the machine

    def _take(self, item: Item | _Link, stop: Stop) -> Order | None:
        """Answer one item; what to do if it says that."""
        if item is _Link.OPENED:
            self._stub = Stub(self._target, self._send)
            self._stub.stopped(stop)
        elif item is _Link.CLOSED:
            if self._stub is not None:
                self._tell("gdb has gone, the program goes on")
                self._leave()
                return Order(Move.CONTINUE)
        elif isinstance(item, Item) and item.kind is Kind.PACKET and self._stub is not None:
            result = self._stub.answer(item.data)
            if isinstance(result, Order):
                if result.move is Move.DETACH or item.data.startswith(b"vKill"):
                    self._send(b"OK")
                return result
            self._send(result)
        return None

    def _leave(self) -> None:
        if self._stub is not None:
            self._stub.clear()
            self._stub = None

    def _go(self) -> None:
        """From now on a Ctrl-C interrupts; one that has come since gdb said how to go on does so at once."""
        with self._lock:
            self._running = True
            waiting = []
            while not self._items.empty():
                waiting.append(self._items.get())
            for item in waiting:
                if isinstance(item, Item) and item.kind is Kind.INTERRUPT or item is _Link.OPENED:
                    self._interrupt()
                if not (isinstance(item, Item) and item.kind is Kind.INTERRUPT):
                    self._items.put(item)

    def _send(self, data: bytes) -> None:
        self._last = encode(data)
        self._write(self._last)

    def _write(self, data: bytes) -> None:
        connection = self._connection
        if connection is not None:
            try:
                with self._sending:
                    connection.sendall(data)
            except OSError:  # closed, or it takes nothing any more: the reader hears of it
                _shut(connection, socket.SHUT_RDWR)

    def _hang_up(self) -> None:
        """Close the connection when gdb has taken what was sent."""
        connection = self._connection
        if connection is not None:
            _shut(connection, socket.SHUT_WR)
            if not self._ended.wait(_LINGER_SECONDS):
                _shut(connection, socket.SHUT_RDWR)

    # in the listening thread

    def _listen(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _PATIENCE_SECONDS, 0))
            if connection.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ended.clear()
            self._connection = connection
            self._hear(_Link.OPENED)
            with contextlib.suppress(OSError):
                self._read(connection)
            self._connection = None
            connection.close()
            self._hear(_Link.CLOSED)
            self._ended.set()

    def _read(self, connection: socket.socket) -> None:
        decoder = Decoder()
        while self._items.qsize() < _MOST_WAITING and (data := connection.recv(1 << 16)):
            for item in decoder.feed(data):
                acknowledges = self._stub is None or self._stub.acknowledges
                if item.kind is Kind.PACKET and acknowledges:
                    self._write(b"+")
                elif item.kind is Kind.DAMAGED and acknowledges:
                    self._write(b"-")
                elif item.kind is Kind.NACK and acknowledges:
                    self._write(self._last)
                if item.kind in (Kind.PACKET, Kind.INTERRUPT):
                    self._hear(item)

    def _hear(self, item: Item | _Link) -> None:
        """Hand an item to the machine's thread; what stops the machine interrupts it where it runs."""
        interrupts = item is _Link.OPENED or isinstance(item, Item) and item.kind is Kind.INTERRUPT
        with self._lock:
            if self._running and interrupts:
                self._interrupt()
                if isinstance(item, Item):
                    return
            self._items.put(item)
