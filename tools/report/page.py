"""The report as one HTML page that needs nothing else: style, script and data are in it."""

from __future__ import annotations

import html
import json
from pathlib import Path

from tools.registry import plain
from tools.report.collect import Report

_TEMPLATE = Path(__file__).with_name("report.html")


def page(report: Report) -> str:
    """The page. No data can end the script that it stands in, whatever a program is called."""
    data = json.dumps(plain(report), separators=(",", ":")).replace("<", "\\u003c")
    text = _TEMPLATE.read_text(encoding="utf-8")
    return text.replace("@TITLE@", html.escape(report.title)).replace("@DATA@", data)
