"""The keyboard controller and its keyboard (Intel 8042; IBM PC/AT and PS/2 technical references)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hw.bus import Device, Line, no_line

DATA, COMMAND = 0x60, 0x64

_OUT_FULL, _COMMAND_LAST, _UNLOCKED, _AUX_FULL = 0x01, 0x08, 0x10, 0x20  # status
_IRQ1, _IRQ12, _SYSTEM_FLAG, _DISABLED, _AUX_DISABLED, _TRANSLATE = 0x01, 0x02, 0x04, 0x10, 0x20, 0x40  # byte 0
_ACK, _RESEND = 0xFA, 0xFE
# Where a byte of the output buffer comes from, if not from the keyboard.
_CONTROLLER, _AUX = 0x100, 0x200

#: Key names (as the `sendkey` of emulators has them): scan code of set 1 and of set 2; 0xE000 is the prefix.
KEYS: dict[str, tuple[int, int]] = {
    "esc": (0x01, 0x76), "1": (0x02, 0x16), "2": (0x03, 0x1E), "3": (0x04, 0x26), "4": (0x05, 0x25),
    "5": (0x06, 0x2E), "6": (0x07, 0x36), "7": (0x08, 0x3D), "8": (0x09, 0x3E), "9": (0x0A, 0x46),
    "0": (0x0B, 0x45), "minus": (0x0C, 0x4E), "equal": (0x0D, 0x55), "backspace": (0x0E, 0x66),
    "tab": (0x0F, 0x0D), "q": (0x10, 0x15), "w": (0x11, 0x1D), "e": (0x12, 0x24), "r": (0x13, 0x2D),
    "t": (0x14, 0x2C), "y": (0x15, 0x35), "u": (0x16, 0x3C), "i": (0x17, 0x43), "o": (0x18, 0x44),
    "p": (0x19, 0x4D), "bracket_left": (0x1A, 0x54), "bracket_right": (0x1B, 0x5B), "ret": (0x1C, 0x5A),
    "ctrl": (0x1D, 0x14), "a": (0x1E, 0x1C), "s": (0x1F, 0x1B), "d": (0x20, 0x23), "f": (0x21, 0x2B),
    "g": (0x22, 0x34), "h": (0x23, 0x33), "j": (0x24, 0x3B), "k": (0x25, 0x42), "l": (0x26, 0x4B),
    "semicolon": (0x27, 0x4C), "apostrophe": (0x28, 0x52), "grave_accent": (0x29, 0x0E), "shift": (0x2A, 0x12),
    "backslash": (0x2B, 0x5D), "z": (0x2C, 0x1A), "x": (0x2D, 0x22), "c": (0x2E, 0x21), "v": (0x2F, 0x2A),
    "b": (0x30, 0x32), "n": (0x31, 0x31), "m": (0x32, 0x3A), "comma": (0x33, 0x41), "dot": (0x34, 0x49),
    "slash": (0x35, 0x4A), "shift_r": (0x36, 0x59), "kp_multiply": (0x37, 0x7C), "alt": (0x38, 0x11),
    "spc": (0x39, 0x29), "caps_lock": (0x3A, 0x58), "f1": (0x3B, 0x05), "f2": (0x3C, 0x06), "f3": (0x3D, 0x04),
    "f4": (0x3E, 0x0C), "f5": (0x3F, 0x03), "f6": (0x40, 0x0B), "f7": (0x41, 0x83), "f8": (0x42, 0x0A),
    "f9": (0x43, 0x01), "f10": (0x44, 0x09), "num_lock": (0x45, 0x77), "scroll_lock": (0x46, 0x7E),
    "kp_7": (0x47, 0x6C), "kp_8": (0x48, 0x75), "kp_9": (0x49, 0x7D), "kp_subtract": (0x4A, 0x7B),
    "kp_4": (0x4B, 0x6B), "kp_5": (0x4C, 0x73), "kp_6": (0x4D, 0x74), "kp_add": (0x4E, 0x79),
    "kp_1": (0x4F, 0x69), "kp_2": (0x50, 0x72), "kp_3": (0x51, 0x7A), "kp_0": (0x52, 0x70),
    "kp_decimal": (0x53, 0x71), "less": (0x56, 0x61), "f11": (0x57, 0x78), "f12": (0x58, 0x07),
    "kp_enter": (0xE01C, 0xE05A), "ctrl_r": (0xE01D, 0xE014), "kp_divide": (0xE035, 0xE04A),
    "alt_r": (0xE038, 0xE011), "home": (0xE047, 0xE06C), "up": (0xE048, 0xE075), "pgup": (0xE049, 0xE07D),
    "left": (0xE04B, 0xE06B), "right": (0xE04D, 0xE074), "end": (0xE04F, 0xE069), "down": (0xE050, 0xE072),
    "pgdn": (0xE051, 0xE07A), "insert": (0xE052, 0xE070), "delete": (0xE053, 0xE071),
    "meta_l": (0xE05B, 0xE01F), "meta_r": (0xE05C, 0xE027), "menu": (0xE05D, 0xE02F),
}
_TRANSLATION = {two & 0xFF: one & 0xFF for one, two in KEYS.values()} | {0x02: 0x41, 0x84: 0x54}

_PLAIN = {
    **{char: char for char in "abcdefghijklmnopqrstuvwxyz0123456789"},
    " ": "spc", "\n": "ret", "\t": "tab", "\b": "backspace", "\x1b": "esc", "-": "minus", "=": "equal",
    "[": "bracket_left", "]": "bracket_right", ";": "semicolon", "'": "apostrophe", "`": "grave_accent",
    "\\": "backslash", ",": "comma", ".": "dot", "/": "slash",
}
_SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./"))


def keys_of(char: str) -> list[str]:
    """The keys of a US keyboard that are pressed together for a character; ValueError for none."""
    if char in _PLAIN:
        return [_PLAIN[char]]
    base = _SHIFTED.get(char, char.lower() if char.isascii() else "")
    if base not in _PLAIN:
        raise ValueError(f"no key types {char!r}")
    return ["shift", _PLAIN[base]]


class I8042(Device):
    """The controller at ports 0x60 and 0x64 with a keyboard and no mouse.

    What is typed waits, however much it is, until the guest has read it. The keyboard sends scan code set 2
    (or 1, when told), which the controller translates to set 1 when its command byte says so. ``a20`` opens
    and shuts the gate of address line 20, ``restart`` resets the machine.
    """

    name = "i8042"
    ports = ((DATA, 1), (COMMAND, 1))
    saved = ("config", "ram", "output_port", "command", "command_last", "out", "answers", "typed", "broken",
             "expects", "scanning", "code_set", "leds", "last")

    def __init__(self, irq1: Line = no_line, irq12: Line = no_line, a20: Line = no_line,
                 restart: Callable[[], None] = lambda: None) -> None:
        self.irq1 = irq1
        self.irq12 = irq12
        self.a20 = a20
        self.restart = restart
        self.reset()

    def reset(self) -> None:
        """As firmware leaves it: self test passed, keyboard on, translation and IRQ 1 on, A20 open."""
        self.config = _IRQ1 | _SYSTEM_FLAG | _AUX_DISABLED | _TRANSLATE
        self.ram = [0] * 31  # bytes 1 to 31 of the controller's memory; byte 0 is ``config``
        self.output_port = 0xCF
        self.command = 0  # a command that waits for its data byte
        self.command_last = False
        self.out: list[int] = []  # the output buffer: nothing, or one byte with its source
        self.answers: list[int] = []  # bytes that wait for it, with their source
        self.typed: list[int] = []  # bytes of keys, which wait longer
        self.last = self.leds = 0
        self.broken = False  # the release prefix has passed the translation
        self._keyboard_defaults()
        self._update()

    def _keyboard_defaults(self) -> None:
        self.expects = 0  # a keyboard command that waits for its parameter
        self.scanning = True
        self.code_set = 2
        self.typed.clear()

    # What a person does

    def press(self, key: str) -> None:
        """Hold a key down; ValueError for a name that is not in KEYS."""
        self._type(key, released=False)

    def release(self, key: str) -> None:
        """Let it go."""
        self._type(key, released=True)

    def send_keys(self, keys: Iterable[str] | str) -> None:
        """Press keys together and let them go; a string is split as in `ctrl-alt-delete`."""
        names = keys.split("-") if isinstance(keys, str) else list(keys)
        for name in names:
            _codes(name)
        for name in names:
            self.press(name)
        for name in reversed(names):
            self.release(name)

    def type_text(self, text: str) -> None:
        """Type characters on a US keyboard; ValueError, and nothing typed, for one that it has not."""
        for keys in [keys_of(char) for char in text]:
            self.send_keys(keys)

    def _type(self, key: str, released: bool) -> None:
        one, two = _codes(key)
        if not self.scanning:
            return
        code = one if self.code_set == 1 else two
        if code > 0xFF:
            self.typed.append(code >> 8)
        if released and self.code_set != 1:
            self.typed.append(0xF0)
        self.typed.append(code & 0xFF | (0x80 if released and self.code_set == 1 else 0))
        self._update()

    # The output buffer

    def _update(self) -> None:
        """Fill the output buffer when it is empty, and drive the interrupt lines."""
        while not self.out:
            if self.answers:
                byte = self.answers.pop(0)
            elif self.typed and not self.config & _DISABLED:
                byte = self.typed.pop(0)
            else:
                break
            if byte < _CONTROLLER and self.config & _TRANSLATE:
                if byte == 0xF0:  # becomes bit 7 of the code that follows
                    self.broken = True
                    continue
                byte = _TRANSLATION.get(byte, byte)
                if self.broken and byte != 0xE0:
                    byte |= 0x80
                    self.broken = False
            self.out.append(byte)
        aux = bool(self.out) and self.out[0] >= _AUX
        self.irq1(bool(self.out) and not aux and bool(self.config & _IRQ1))
        self.irq12(aux and bool(self.config & _IRQ12))

    # Ports

    def port_read(self, port: int, size: int) -> int:
        if port == COMMAND:
            status = _UNLOCKED | self.config & _SYSTEM_FLAG | (_COMMAND_LAST if self.command_last else 0)
            if self.out:
                status |= _OUT_FULL | (_AUX_FULL if self.out[0] >= _AUX else 0)
            return status
        if self.out:
            self.last = self.out.pop() & 0xFF
            self.irq1(False)  # a further byte is a new edge
            self.irq12(False)
            self._update()
        return self.last

    def port_write(self, port: int, size: int, value: int) -> None:
        self.command_last = port == COMMAND
        if port == COMMAND:
            self.command = 0
            self._control(value)
        elif self.command:
            command, self.command = self.command, 0
            self._parameter(command, value)
        else:
            self.config &= ~_DISABLED  # a byte for the keyboard opens its line
            self._keyboard(value)
        self._update()

    def _control(self, command: int) -> None:
        """A command of the controller."""
        if 0x20 <= command < 0x40:
            self._say(self.config if command == 0x20 else self.ram[command - 0x21])
        elif 0x60 <= command < 0x80 or 0xD1 <= command <= 0xD4:
            self.command = command
        elif command == 0xA7:
            self.config |= _AUX_DISABLED
        elif command == 0xA8:
            self.config &= ~_AUX_DISABLED
        elif command == 0xAA:
            self.config |= _SYSTEM_FLAG
            self._say(0x55)
        elif command in (0xA9, 0xAB):  # the lines of both ports are in order
            self._say(0)
        elif command == 0xAD:
            self.config |= _DISABLED
        elif command == 0xAE:
            self.config &= ~_DISABLED
        elif command == 0xC0:
            self._say(0xB0)
        elif command == 0xD0:
            full = 0 if not self.out else 0x20 if self.out[0] >= _AUX else 0x10
            self._say(self.output_port & 0xCF | full)
        elif command in (0xDD, 0xDF):
            self._set_output_port(self.output_port & ~2 | command & 2)
        elif command == 0xE0:
            self._say(0x03)
        elif command >= 0xF0 and not command & 1:
            self.restart()

    def _parameter(self, command: int, value: int) -> None:
        """The data byte of a controller's command."""
        if command == 0x60:
            self.config = value
        elif command < 0x80:
            self.ram[command - 0x61] = value
        elif command == 0xD1:
            self._set_output_port(value)
        elif command == 0xD2:
            self._say(value)
        elif command == 0xD3:
            self._say(value, _AUX)
        else:  # for the mouse, which does not answer
            self._say(_RESEND, _AUX)

    def _say(self, value: int, source: int = _CONTROLLER) -> None:
        self.answers.append(source | value)

    def _set_output_port(self, value: int) -> None:
        old, self.output_port = self.output_port, value
        if (old ^ value) & 2:
            self.a20(bool(value & 2))
        if not value & 1:
            self.restart()

    def _keyboard(self, value: int) -> None:
        """A byte for the keyboard: a command, or the parameter of the last one."""
        expects, self.expects = self.expects, 0
        if expects and value < 0x80:
            self._keyboard_parameter(expects, value)
        elif value == 0xEE:
            self.answers.append(0xEE)
        elif value in (0xED, 0xF0, 0xF3):
            self.expects = value
            self.answers.append(_ACK)
        elif value == 0xFE:
            self.answers.append(self.last)
        elif value < 0xF2:
            self.answers.append(_RESEND)
        else:
            if value in (0xF4, 0xF5, 0xF6, 0xFF):
                if value == 0xF4:
                    self.typed.clear()
                else:
                    self._keyboard_defaults()
                self.scanning = value != 0xF5
            self.answers += {0xF2: [_ACK, 0xAB, 0x83], 0xFF: [_ACK, 0xAA]}.get(value, [_ACK])

    def _keyboard_parameter(self, command: int, value: int) -> None:
        if command == 0xF0 and value > 2:
            self.answers.append(_RESEND)
            return
        self.answers.append(_ACK)
        if command == 0xED:
            self.leds = value & 7
        elif command == 0xF0 and value:
            self.code_set = value
        elif command == 0xF0:
            self.answers.append(self.code_set)


def _codes(key: str) -> tuple[int, int]:
    try:
        return KEYS[key]
    except KeyError:
        raise ValueError(f"no key is called {key!r}") from None
