"""The report in a real browser: headless Chromium without a network, no console error, all figures, no overflow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from fractalman.report import write_reports
from tests.report.test_report import played_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: install the distribution's package, e.g. apt-get install chromium"
)
pytest.importorskip("matplotlib")

# What the page looks like from inside, as the text of an element of its own.
PROBE = """<script>
addEventListener("load", () => {
  const images = [...document.images].map(i => i.complete ? i.naturalWidth : 0);
  const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, pre") &&
    e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName);
  const anchors = [...document.querySelectorAll("a[href^='#']")].filter(
    a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).length;
  const fetched = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"));
  const high = [...document.images].filter(i => i.naturalHeight > i.naturalWidth).length;
  const scrolls = [...document.querySelectorAll(".scroll:has(table)")].filter(
    e => e.scrollWidth > e.clientWidth + 1).map(e => e.querySelector("th").textContent);
  const found = document.createElement("pre");
  found.id = "found";
  const text = document.body.innerText.length;
  found.textContent = JSON.stringify({images, wide, anchors, fetched, high, scrolls, text});
  document.body.append(found);
});
</script>"""


def opened(
    page: Path, profile: Path, width: int = 1200, printed: bool = False
) -> tuple[dict[str, list[object]], list[str]]:
    """What the probe found in a page, and what its console said; no name resolves and no proxy answers."""
    probed = page.with_name(f"probed-{page.name}")
    text = page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>")
    if printed:  # as paper shows it
        assert "@media print" in text
        text = text.replace("@media screen", "@media not all").replace('media="screen', 'media="not all')
        text = text.replace("@media print", "@media all")
    probed.write_text(text, encoding="utf-8")
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1", "--proxy-bypass-list=<-loopback>",
        "--enable-logging=stderr", f"--window-size={width},2000", "--virtual-time-budget=10000", "--dump-dom",
        probed.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr
    console = re.findall(r"CONSOLE.*", done.stderr)
    return json.loads(unescape(found[1])), console


@pytest.mark.slow(reason="a browser opens a whole report", but=[])
@pytest.mark.parametrize("width", [1200, 600])
def test_a_browser_opens_the_report(tmp_path: Path, width: int) -> None:
    results = {name: played_run(tmp_path / name) for name in ("one run", "another <run>")}
    page = write_reports(results, tmp_path, "two runs")
    found, console = opened(page, tmp_path / "profile", width)
    assert console == []
    assert found["fetched"] == []
    assert found["anchors"] == 0
    assert found["wide"] == []
    assert len(found["images"]) == 6  # two runs: curves, training shares, the fractal
    assert all(isinstance(size, int) and size > 100 for size in found["images"])


@pytest.mark.slow(reason="a browser opens a whole report", but=["paper"])
@pytest.mark.parametrize(("width", "printed", "high"), [(688, True, 0), (600, False, 1)], ids=["paper", "phone"])
def test_narrow_pages_show_whole_verdicts(tmp_path: Path, width: int, printed: bool, high: int) -> None:
    """On paper nothing can be scrolled; on a phone a row of verdicts is a block, and curves have another form."""
    page = write_reports({"one run": played_run(tmp_path / "one run")}, tmp_path, "one run")
    found, console = opened(page, tmp_path / "profile", width, printed)
    assert console == []
    assert found["fetched"] == []
    assert found["anchors"] == 0
    assert len(found["images"]) == 3
    assert all(isinstance(size, int) and size > 100 for size in found["images"])
    assert found["wide"] == []
    assert found["high"] == high
    assert found["scrolls"] == []


def test_a_page_that_is_broken_is_noticed(tmp_path: Path) -> None:
    """The control: an image from elsewhere, a script that fails, an image that is none, a link to nowhere, too wide."""
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><html><body><img src="http://example.invalid/x.png"><img src="data:image/png;base64,AAAA">'
        '<a href="#nowhere">x</a><p style="width:5000px">wide</p><script>nothing.here()</script></body></html>'
    )
    found, console = opened(page, tmp_path / "profile")
    assert any("nothing is not defined" in line for line in console)
    assert found["images"] == [0, 0]
    assert "P" in found["wide"]
    assert found["anchors"] == 1
    assert found["fetched"] == ["http://example.invalid/x.png"]
