"""`run --save`, `run IMAGE`, `monitor IMAGE`, `memsave` and `pmemsave`: a machine that ends here goes on there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import cli

ENDLESS = """
#include <linux/kernel.h>
#include <linux/slab.h>

volatile int stop;

int main(int argc, char **argv)
{
	char *text = kmalloc(100, GFP_KERNEL);
	int turns = 0;

	sprintf(text, "%s waits", argv[1]);
	printk("%s at %p\\n", text, &stop);
	while (!stop)
		turns++;
	printk("%s no more\\n", text);
	kfree(text);
	return 7;
}
"""


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(list(arguments))
    out, err = capfd.readouterr()
    return status, out, err


@pytest.fixture
def image(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """A machine whose program was ended in its loop."""
    source, image = tmp_path / "endless.c", tmp_path / "an image"
    source.write_text(ENDLESS)
    status, out, err = run(capfd, "run", str(source), "who", "--ram", "64M", "--timeout", "0.3", "--save", str(image))
    assert status == 124 and out.startswith("who waits at ")
    assert f"'{image}.vmlinux' '{image}'" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["an image", "an image.vmlinux", "endless.c"]
    return str(image)


def test_a_saved_program_goes_on(image: str, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capfd, "run", image, "--timeout", "0.2", "--save", image)
    assert (status, out) == (124, "") and "was ended after 0.2 s" in err
    from guest.kernel import Kernel

    with Kernel.open(image) as kernel:  # end its loop
        stop = kernel.symbol("stop")
        assert stop is not None
        kernel.vm.set_word(stop, 1)
        kernel.save(image)
    status, out, _ = run(capfd, "run", image)
    assert (status, out) == (7, "who waits no more\n")


def test_the_monitor_opens_an_image(image: str, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capfd, "monitor", image, "-ex", "fsck", "-ex", "x /i $eip", "-ex", "x /dw stop", "--json")
    assert status == 0
    fsck, instruction, stop = (json.loads(line)["result"] for line in out.splitlines())
    assert instruction["names"][0].startswith("main+") and stop["values"] == [0]


def test_what_does_not_go_with_an_image(image: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capfd, "run", image, "--ram", "64M")
    assert status == 2 and "--ram does not go with it" in err
    damaged = tmp_path / "damaged"
    data = bytearray(Path(image).read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    status, _, err = run(capfd, "monitor", str(damaged), "-ex", "fsck")
    assert status == 125 and err.count("\n") == 1 and "checksum" in err
    status, out, err = run(capfd, "run", "guest/programs/tour.c", "--save", str(tmp_path / "no" / "image"))
    assert out == ""
    assert status == 125 and "No such file" in err.splitlines()[-1]


def test_an_ended_program_does_not_go_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    image = str(tmp_path / "image")
    assert run(capfd, "run", "guest/programs/oops.c", "--ram", "64M", "--save", image)[0] == 137
    status, _, err = run(capfd, "run", image)
    assert status == 125 and "no program was halted" in err
    status, out, _ = run(capfd, "monitor", image, "-ex", "dmesg", "-ex", "vtop fill")
    assert status == 0 and "BUG: unable to handle kernel paging request" in out


def test_a_file_that_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, image = tmp_path / "end.c", tmp_path / "nowhere" / "image"
    source.write_text("int main(void) { return 0; }\n")
    status, _, err = run(capfd, "run", str(source), "--ram", "64M", "--save", str(image))
    assert (status, err) == (125, f"highmem: error: {image.parent}: No such file or directory\n")


def test_memory_to_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    linear, physical, none = tmp_path / "linear", tmp_path / "physical", tmp_path / "none"
    status, _, err = run(
        capfd, "monitor", "--ram", "64M", "-ex", f"memsave c0100000 3000 {linear}",
        "-ex", f"pmemsave 0 4000000 {physical}", "-ex", f"memsave 1000 10 {none}", "-ex", "pmemsave 0",
        "-ex", f"pmemsave 0 10 {tmp_path / 'no' / 'file'}",
    )  # fmt: skip
    assert status == 1
    assert len(err.splitlines()) == 3 and "Cannot access memory at address 0x1000" in err and "No such file" in err
    data = physical.read_bytes()
    assert len(data) == 64 << 20 and data[0x100000:0x103000] == linear.read_bytes()
