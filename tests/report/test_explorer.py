"""The explorable page in headless Chromium: what it shows is what Python says, whatever is moved, clicked and typed."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.report import html
from fractalman.report.explorer import _places, _shown, explore
from tests.report.test_browser import CHROMIUM

pytest.importorskip("matplotlib")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the distribution's package")
RECIPE = fm.PercolationCluster(n_points=600, ambient_dim=16, seed=2)
CUT = 40

SILENT = "<script>window.ResizeObserver = class { observe() {} };</script>"  # a loaded machine's observer comes late
ACTIONS = (Path(__file__).parent / "explorer_actions.html").read_text(encoding="utf-8")


def act(page: Path, profile: Path, script: str, width: int = 1200, *more: str) -> tuple[dict[str, Any], list[str]]:
    """Open a page with a script in it; return what that left behind and what the console said."""
    probed = page.with_name(f"probed-{width}.html")
    probed.write_text(page.read_text(encoding="utf-8").replace("</body>", script + "</body>"), encoding="utf-8")
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1", "--proxy-bypass-list=<-loopback>",
        "--enable-logging=stderr", f"--window-size={width},1500", *more, "--dump-dom", probed.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr
    return json.loads(unescape(found[1])), re.findall(r"CONSOLE.*", done.stderr)


@pytest.mark.slow(reason="a browser at three widths", but=["800"])
@browser
@pytest.mark.parametrize("width", [1280, 800, 500])
def test_what_is_shown_is_what_python_says(tmp_path: Path, width: int) -> None:
    page = explore(RECIPE, tmp_path / "page.html")
    if width == 800:
        page.write_text(page.read_text(encoding="utf-8").replace("<head>", f"<head>{SILENT}"), encoding="utf-8")
    found, console = act(
        page, tmp_path / "profile", ACTIONS.replace("CUT", str(CUT)), width, "--virtual-time-budget=5000"
    )
    data = fm.generate(RECIPE)
    h = data.hierarchy
    order = h.order()
    assert (console, found["fetched"], found["wide"], found["unnamed"]) == ([], [], [], [])
    assert found["fragments"] == h.cut(CUT).node.size
    assert f"at most {CUT} points: {found['fragments']}" in found["words"]

    start, stop, latent = found["expected"]
    node = h.n_points + latent
    assert (order.start[node], order.stop[node]) == (start, stop)
    assert f"{stop - start} of 600 points" in found["chosen"]
    assert f"{h.depth[node]} subclusters around it" in found["chosen"]
    biggest = h.cut(CUT)
    assert found["range"][1] - found["range"][0] == biggest.count.max()
    assert "Choose one" in found["released"]
    rows = order.points[slice(*found["range"])]
    top = next(j for j in range(600, h.n_nodes) if [order.start[j], order.stop[j]] == found["range"])
    assert found["parent"] == h.size[h.parent[top]]

    three, unit = _places(data.X[order.points])
    A = np.c_[np.ones(rows.size), three[slice(*found["range"])] / unit]
    solution, *_ = np.linalg.lstsq(A, data.y[rows], rcond=None)
    left = np.square(data.y[rows] - A @ solution).sum() / np.square(data.y[rows] - data.y[rows].mean()).sum()
    assert found["share"] == pytest.approx(1.0 - left, abs=1e-3)
    assert found["slope"] == pytest.approx(solution[1:].tolist(), rel=1e-2, abs=1e-3)

    pictures = found["pictures"]
    assert pictures["again"] == pictures["cut"]
    assert len({pictures[name] for name in ("cut", "chosen", "turned", "zoomed", "label", "flat")}) == 6
    assert found["discs"]

    curve = fm.predict(RECIPE, draws=8).curve([int(v) for v in json.loads(_payload(page))["curve"]["n"]])
    assert f"local exponent {theory.local_slope(curve.n, curve.risk):.3f} " in found["before"]
    assert found["dragged"] != found["before"]
    assert 300 < found["from"] < 700
    assert found["gap"] == 60


def _payload(page: Path) -> str:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


TIMED = """<script>
addEventListener("load", () => {
  resize(); draw(); let frame = Infinity;  // the shortest of ten: others work on this machine, too
  for (let i = 0; i < 10; i++) {
    const begun = performance.now();
    move(5, 2); draw(); frame = Math.min(frame, performance.now() - begun);
  }
  const out = document.createElement("pre"); out.id = "found";
  out.textContent = JSON.stringify({ frame, n }); document.body.append(out);
});
</script>"""


@pytest.mark.slow(reason="a browser turns 100 000 points")
@browser
def test_a_hundred_thousand_points_turn_fluidly(tmp_path: Path) -> None:
    page = explore(fm.Cascade(n_points=100_000, ambient_dim=8), tmp_path / "page.html")
    assert page.stat().st_size < 6_000_000
    found, console = act(page, tmp_path / "profile", TIMED)
    assert console == []
    assert found["n"] == 100_000
    assert found["frame"] < 150.0, "milliseconds, on a machine that does other things as well"


@pytest.mark.slow(reason="a browser opens large pages")
@browser
@pytest.mark.parametrize(
    "recipe",
    [fm.SmoothManifold(n_points=64, kind="torus", dim=2, ambient_dim=5), fm.RandomHierarchyModel(n_points=200)],
)
def test_other_families_open_without_complaint(recipe: fm.Recipe, tmp_path: Path) -> None:
    found, console = act(explore(recipe, tmp_path / "page.html"), tmp_path / "profile", TIMED)
    assert console == []
    assert found["n"] == recipe.n_points


def test_text_in_the_page_is_escaped() -> None:
    hostile = "</script><script>alert(1)</script>&"
    assert html.script_json({"a": hostile}).count("<") == 0
    assert json.loads(html.script_json({"a": hostile})) == {"a": hostile}


def test_larger_data_are_coarsened_and_larger_recipes_made_smaller(tmp_path: Path) -> None:
    data = fm.generate(RECIPE)
    shown, said = _shown(data, 100)
    assert 20 < shown.n_points <= 100
    assert "one point for every subcluster" in said
    assert _shown(RECIPE, 100)[0].n_points == 100
    with pytest.raises(RecipeError, match="use a larger max_points"):
        _shown(fm.generate(fm.SmoothManifold(n_points=300, kind="torus", dim=2, ambient_dim=5)), 100)
    explore(data, tmp_path / "a.html", max_points=50)
    with pytest.raises(RecipeError, match="exists"):
        explore(data, tmp_path / "a.html")
    for most in (1, True, 2_000_000, "x"):
        with pytest.raises(RecipeError, match="max_points"):
            explore(data, tmp_path / "b.html", max_points=most)  # type: ignore[arg-type]


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fractalman.cli import main

    path = fm.write(RECIPE, tmp_path / "data.h5")
    page = tmp_path / "page.html"
    assert main(["explore", str(path), "-o", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"page": str(page), "bytes": page.stat().st_size}
    assert main(["explore", str(path), "-o", str(page)]) == 2
    assert main(["explore", str(path), "-o", str(tmp_path / "none" / "page.html")]) == 2
