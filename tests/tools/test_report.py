"""`highmem report`: what the page holds, and what it shows in a real browser where the mouse points."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guest.kernel import Kernel
from mm.fsck.report import KINDS
from mm.layout import PAGE_OFFSET
from tools import cli

PICTURE = Path(__file__).parents[2] / "docs" / "report.png"
PROGRAM = """
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/highmem.h>
#include <linux/gfp.h>

int main(int argc, char **argv)
{
	int i;
	void *kept = kmalloc(1000, GFP_KERNEL), *area = vmalloc(300000);
	struct page *block = alloc_pages(GFP_HIGHUSER, 4);

	for (i = 0; i < 2000; i++)
		kfree(kmalloc(64, GFP_ATOMIC));
	kmap(block);
	printk("%p %p %p\\n", kept, area, block);
	return 0;
}
"""


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A program's page, the same as data, the page of the saved machine, and the machine."""
    folder = tmp_path_factory.mktemp("report")
    source, image = folder / "<b>&.c", folder / "image"
    source.write_text(PROGRAM)
    paths = {name: folder / f"{name}.html" for name in ("program", "data", "image")}
    assert cli.main(["run", str(source), "--ram", "1G", "--save", str(image)]) == 0
    assert cli.main(["report", str(source), "--ram", "1G", "-o", str(paths["program"])]) == 0
    assert cli.main(["report", str(source), "--ram", "1G", "--data", "-o", str(paths["data"])]) == 0
    assert cli.main(["report", str(image), "-o", str(paths["image"])]) == 0
    return {**paths, "saved": image}


def test_the_data_is_what_the_kernel_says(reported: dict[str, Any]) -> None:
    data = json.loads(reported["data"].read_text())
    with Kernel.open(reported["saved"]) as kernel:
        kinds = kernel.frame_map().kinds
        frames = [kind for kind, count in zip(data["frames"]["kind"], data["frames"]["count"]) for _ in range(count)]
        assert [data["kinds"][kind] for kind in frames] == [KINDS[kind] for kind in kinds]
        stories = " ".join(data["stories"])
        assert "slab of size-1024: 1 of 4 objects of 1024 bytes in use" in stories
        assert re.search(r"allocated by main\+.*<b>&.c:1\d", stories)
        caches = {cache["name"]: cache for cache in data["caches"]}
        for cachep, name in kernel.slab_caches().items():
            info = kernel.slab_cache(cachep)
            if info.slabs:
                assert (caches[name]["allocated"], caches[name]["total"]) == (info.allocated, info.total)
    names = [name for name, _, _ in data["timeline"]["names"]]
    events = [names[event[1]] for event in data["timeline"]["events"]]
    assert events.count("kmalloc") >= 2001 and events.count("vmalloc") == 1 and events.count("kmap") == 1
    assert data["timeline"]["stride"] == 1 and data["timeline"]["total"] == len(events)
    area = next(region for region in data["regions"] if region["name"] == "vmalloc")["pieces"]
    assert any(piece["end"] - piece["start"] == 303104 and "main+" in piece["story"] for piece in area)


def test_the_page_needs_nothing_else(reported: dict[str, Any]) -> None:
    for name in ("program", "image"):
        text = reported[name].read_text()
        assert not re.search(r"(src|href)=|url\(|https?://|@import", text)
        assert text.count("</script>") == 2 and "&lt;b&gt;&amp;.c" in text or name == "image"


def test_an_image_keeps_its_faults(tmp_path: Path) -> None:
    image, page = tmp_path / "image", tmp_path / "page.json"
    assert cli.main(["run", "guest/programs/oops.c", "--save", str(image)]) == 137
    assert cli.main(["report", str(image), "--data", "-o", str(page)]) == 0
    timeline = json.loads(page.read_text())["timeline"]
    assert timeline["total"] == 1 and timeline["stories"][0].startswith("fault 0: not present: guard page")
    (site,) = timeline["sites"]
    assert site.startswith("store+") and site.endswith(" guest/programs/oops.c:16")
    assert timeline["events"][0][-1] == 0


def test_bad_places_for_a_page(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "guest/programs/oops.c", "-o", str(tmp_path / "no" / "page.html")]) == 125
    assert "No such file" in capfd.readouterr().err.splitlines()[-1]
    assert cli.main(["report", "-o", "x.html"]) == 2
    assert cli.main(["report", "guest/programs/oops.c"]) == 2
    assert cli.main(["report", "guest/programs/oops.c", "-o", str(tmp_path / "page.html")]) == 137


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no Chromium with its chromedriver on this machine (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "hide-scrollbars", "window-size=1180,900",
                     "force-device-scale-factor=1", "disable-background-networking", "disable-sync"):  # fmt: skip
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield found
    finally:
        found.quit()


def pointed(browser: Any, element: Any, x: float, y: float) -> str:
    """What the page tells of the place (x, y), as fractions of an element's size."""
    from selenium.webdriver import ActionChains

    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    box = browser.execute_script("const r = arguments[0].getBoundingClientRect(); return [r.width, r.height]", element)
    ActionChains(browser).move_to_element_with_offset(
        element, round((x - 0.5) * (box[0] - 2)), round((y - 0.5) * (box[1] - 2))
    ).perform()
    return str(browser.execute_script("const t = document.getElementById('tip'); "
                                      "return t.style.display === 'none' ? '' : t.textContent"))  # fmt: skip


@pytest.mark.slow
def test_each_cell_tells_its_story(browser: Any, reported: dict[str, Any]) -> None:
    from selenium.webdriver.common.by import By

    browser.get(reported["image"].as_uri())
    canvas = browser.find_element(By.CSS_SELECTOR, "canvas[data-zone=DMA]")
    columns, rows = int(canvas.get_attribute("width")), int(canvas.get_attribute("height"))
    assert columns * rows == 4096
    with Kernel.open(reported["saved"]) as kernel:
        kinds = kernel.frame_map().kinds
        for pfn in (0, 1, 0x9F, 0xA5, 0x105, 0x171, 0x400, 0xFFF):
            told = pointed(browser, canvas, (pfn % columns + 0.5) / columns, (pfn // columns + 0.5) / rows)
            kind = KINDS[kinds[pfn]]
            assert told.startswith(f"frame {pfn:05x}, physical {pfn << 12:08x}: "), (pfn, told)
            words = f"order {kind.split()[1]}" if kind.startswith("buddy") else kind.split()[0]
            assert words in told or kernel.owners.physical(pfn << 12).note in told, (kind, told)
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.slow
def test_regions_slabs_and_events_tell_theirs(browser: Any, reported: dict[str, Any]) -> None:
    from selenium.webdriver.common.by import By

    browser.get(reported["program"].as_uri())
    with Kernel.open(reported["saved"]) as kernel:
        region = browser.find_element(By.CSS_SELECTOR, "canvas[data-region=vmalloc]")
        assert "nothing is mapped here" in pointed(browser, region, 0.7, 0.5)
        direct = browser.find_element(By.CSS_SELECTOR, 'canvas[data-region="direct map"]')
        assert f"{PAGE_OFFSET:08x}" in pointed(browser, direct, 0.001, 0.5)
        row = browser.find_element(By.CSS_SELECTOR, 'tr[data-cache="size-1024"]')
        told = pointed(browser, row, 0.1, 0.5)
        assert told.startswith("size-1024: 1 of 4 objects of 1024 bytes in use")
        assert kernel.slabinfo()
    line = browser.find_element(By.ID, "timeline")
    seen = {pointed(browser, line, x / 40, 0.14).split(" ")[0] for x in range(8, 40)}
    assert {"kmalloc", "kfree"} & seen, seen
    zoom = "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -1, clientX: 600, bubbles: true}))"
    for _ in range(5):
        browser.execute_script(zoom, line)
    width = browser.execute_script("return arguments[0].dataset.high - arguments[0].dataset.low", line)
    data = json.loads(reported["data"].read_text())["timeline"]
    assert width < (data["end"] - data["start"]) * 0.2
    site = browser.find_element(By.CSS_SELECTOR, "#sites tbody tr")
    assert "allocations" in pointed(browser, site, 0.1, 0.5)
    button = browser.find_element(By.CSS_SELECTOR, 'button[data-kind="buddy 10"]')
    before = browser.execute_script("return document.querySelector('canvas[data-zone=Normal]').toDataURL()")
    button.click()
    assert browser.execute_script("return document.querySelector('canvas[data-zone=Normal]').toDataURL()") != before
    requests = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:", "chrome:")) for url in urls), urls


@pytest.mark.slow
def test_the_picture(browser: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The one in the README; HIGHMEM_PICTURES=1 writes it."""
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    assert cli.main(["report", "guest/programs/pressure.c", "--ram", "64M", "-o", str(page)]) == 0
    browser.set_window_size(1180, 1300)
    browser.get(page.as_uri())
    assert browser.save_screenshot(str(picture))
    colours = browser.execute_script(
        "const c = document.querySelector('canvas[data-zone=Normal]'); const d = c.getContext('2d').getImageData("
        "0, 0, c.width, c.height).data; const s = new Set(); for (let i = 0; i < d.length; i += 4) "
        "s.add(d.slice(i, i + 3).join()); return [...s].length")  # fmt: skip
    assert colours > 6 and picture.stat().st_size > 20_000
    if os.environ.get("HIGHMEM_PICTURES"):
        shutil.copy(picture, PICTURE)
