"""Settings of all tests: hypothesis without a deadline, as an emulated machine is slow on a busy host; what is slow."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import settings

settings.register_profile("highmem", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("highmem")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked `variants` only the first is fast; where gcc is, what a second compiler makes is slow."""
    seen = set()
    for item in items:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        second = parameters.get("every_compiler") == "ziglang" and shutil.which("gcc")
        function = item.nodeid.partition("[")[0]
        if second or item.get_closest_marker("variants") and function in seen:
            item.add_marker(pytest.mark.slow)
        elif item.get_closest_marker("slow") is None:
            seen.add(function)
