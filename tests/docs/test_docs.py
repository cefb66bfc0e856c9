"""The documentation: citations and links that lead somewhere, files and commands that exist, examples as printed."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import theory_links  # noqa: E402

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_section_that_the_package_cites_exists() -> None:
    known = theory_links.sections()
    cited = list(theory_links.citations())
    assert len(cited) > 100
    missing = [citation for citation in cited if citation.section not in known]
    assert missing == []
    for _, chapter, anchor in known.values():
        assert f'<a id="{anchor}"></a>' in chapter.read_text(encoding="utf-8")


def test_a_section_that_is_not_there_is_noticed() -> None:
    assert theory_links.cited_numbers("Source: docs/theory.md §3.9 and §4.") == ["3.9", "4"]
    assert theory_links.cited_numbers("docs/theory.md §3–§5") == ["3", "4", "5"]
    assert "3.9" not in theory_links.sections()


def test_quoted_titles_exist() -> None:
    titles = " ".join(title for title, _, _ in theory_links.sections().values()).lower()
    for path in sorted((ROOT / "fractalman").rglob("*.py")):
        for quoted in re.findall(r'docs/theory\.md, "([^"]+)"', path.read_text(encoding="utf-8")):
            assert quoted.lower() in titles, (path, quoted)


def test_every_law_has_a_function() -> None:
    text = theory_links.page()
    for number in ("1", "2", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "4", "5"):
        assert theory_links.sections()[number][2] in text
    assert theory_links.LAWS.exists(), "run scripts/theory_links.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("#"):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve()
        assert found.exists(), (page, target)
        if anchor and f'id="{anchor}"' not in found.read_text(encoding="utf-8"):
            pytest.fail(f"{page}: no anchor {target}")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    """Paths in backquotes below fractalman/, tests/, scripts/, docs/: `families/cascade/sampler.py` counts as well."""
    for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|toml|html|md|csv))`", page.read_text(encoding="utf-8")):
        if "NAME" in name or page.name == "laws.md":
            continue
        if not any((ROOT / folder / name.split("/")[0]).is_dir() for folder in ("", "fractalman", "tests")):
            continue  # somebody's own folder, in an example
        assert any((ROOT / folder / name).exists() for folder in ("", "fractalman", "tests")), (page, name)


def test_every_report_has_its_place_on_the_site() -> None:
    """A page that no table of contents names fails the build of the site, minutes later."""
    named = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("index.md", "reports.md"))
    listed = set(re.findall(r"^\.\./(datasets/\S+)$", named, re.MULTILINE))
    assert listed == {str(path.relative_to(ROOT).with_suffix("")) for path in (ROOT / "datasets").rglob("*.md")}


def test_functions_of_the_walks_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    walks = re.findall(r"`([\w/]+\.py)`\s+`(\w+)`", text)
    assert len(walks) >= 15
    for name, function in walks:
        source = (ROOT / "fractalman" / name).read_text(encoding="utf-8")
        imported = re.search(rf"^from \S+ import .*\b{function}\b", source, re.MULTILINE)
        assert re.search(rf"^def {function}\(", source, re.MULTILINE) or imported, (name, function)


def test_the_page_is_one_page() -> None:
    assert len((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()) <= 110


def test_the_readme_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import contextlib
    import io

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert len(examples) == text.count("```python") >= 1
    names: dict[str, object] = {}
    for code, expected in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        assert printed.getvalue() == expected


@pytest.mark.parametrize("word", ["--help", "-h", "README.md"])
def test_the_readme_is_not_typed_by_who_asks_for_help(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """It installs: `--help` once replaced an environment's editable package."""
    readme = importlib.import_module("readme")
    typed: list[object] = []
    monkeypatch.setattr(readme, "typed", lambda *step: typed.append(step) or "")
    monkeypatch.setattr(sys, "argv", ["readme.py", word])
    with pytest.raises(SystemExit):
        readme.main()
    assert typed == []


def test_the_readmes_commands_exist() -> None:
    from fractalman.cli.parser import parse

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^fractalman ([^#\n]+)", text, re.MULTILINE)
    assert len(commands) >= 4
    for words in commands:
        assert parse(words.split()).command == words.split()[0]


def test_the_readme_is_a_screen_and_a_half() -> None:
    """Its table of speed apart."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert sum(not line.startswith("|") for line in lines) <= 85
    assert len(lines) <= 105
