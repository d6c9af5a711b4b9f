"""What the pages name exists: files, commands and their options, settings, verbs of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomllib
import yaml

from recorder.commands import COMMANDS
from recorder.commands.arguments.parsing import build_parser
from recorder.settings import load_settings
from tests.docs.pages import PAGES, blocks, command_lines, page, relative_links, shell_lines
from tests.processes import ROOT

_REPOSITORY = re.compile(r"https://github\.com/[\w-]+/[\w-]+")

EVERY_PAGE = pytest.mark.parametrize("name", sorted(PAGES))


@EVERY_PAGE
def test_every_file_that_a_page_links_to_exists(name: str) -> None:
    assert [str(target) for target in relative_links(name) if not target.exists()] == []


@EVERY_PAGE
def test_every_command_line_is_accepted_by_the_program(name: str) -> None:
    for arguments in [*command_lines(page(name)), *command_lines(page(name), inline=True)]:
        if arguments[0].startswith("-") and not {*arguments} & {*COMMANDS}:
            continue  # `hamlet-recorder --help`
        build_parser(arguments).parse_args(_with_example_values(arguments))


def _with_example_values(arguments: list[str]) -> list[str]:
    """An episode's number is left out where a page names a command in running text: `why`, `export --queue`."""
    command = next(at for at, word in enumerate(arguments) if word in COMMANDS)
    names_no_episode = arguments[command + 1 :][:1] == [] or arguments[command + 1].startswith("-")
    if arguments[command] in ("why", "show", "watch", "export", "reproduce", "cat") and names_no_episode:
        return [*arguments[: command + 1], "0", *arguments[command + 1 :]]
    return arguments


def test_the_pages_call_the_program_by_one_name() -> None:
    named = [name for name, text in PAGES.items() for _ in re.findall(r"python -m recorder\b(?!\.)", text)]
    assert named == ["README.md"]


@EVERY_PAGE
def test_every_configuration_in_a_page_loads(name: str, tmp_path: Path) -> None:
    for text in blocks(page(name), "yaml"):
        content = yaml.safe_load(text)
        if "recording" in content:
            content["recording"].get("criteria", {}).pop("custom", None)
            (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
            load_settings(tmp_path / "config.yaml", env={})


def test_the_entry_point_of_the_cookbook_is_toml() -> None:
    (text,) = blocks(page("docs/cookbook.md"), "toml")
    assert list(tomllib.loads(text)["project"]["entry-points"]) == ["hamlet_recorder.criteria"]


def test_the_projects_address_is_the_same_in_every_file() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    home = urls["Homepage"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"] == home
    owner, name = home.removeprefix("https://github.com/").split("/")
    assert urls["Documentation"] == f"https://{owner}.github.io/{name}/"
    named = {match for text in [*PAGES.values(), *urls.values()] for match in _REPOSITORY.findall(text)}
    assert {address for address in named if address.endswith(f"/{name}")} == {home}


def test_the_code_of_the_readme_fits_eighty_columns() -> None:
    code = "\n".join(re.findall(r"^```.*?^```", page("README.md"), re.DOTALL | re.MULTILINE))
    assert [line for line in code.splitlines() if len(line) > 80] == []


def test_the_make_verbs_that_pages_name_are_in_the_makefile() -> None:
    lines = [line.split() for text in PAGES.values() for line in shell_lines(text)]
    verbs = {words[1] for words in lines if words[0] == "make"}
    assert verbs >= {"demo", "test", "docs"}
    assert verbs <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_page_of_the_documentation_is_in_the_navigation_of_the_site() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [name for name in PAGES if name.startswith("docs/") and name.removeprefix("docs/") not in text] == []
