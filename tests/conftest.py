"""Settings of all tests: hypothesis without a deadline, as an emulated machine is slow on a busy host."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("highmem", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("highmem")
