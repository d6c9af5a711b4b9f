"""Every key is documented, and the shipped configurations are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from recorder.settings import Settings, load_settings
from recorder.settings.reference import render_default_file, render_reference
from recorder.settings.tree import leaves

ROOT = Path(__file__).parents[2]
REWRITE = "run: python -c \"from recorder.settings.reference import write; write('.')\""


def test_the_reference_lists_exactly_the_keys() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(recording\.[a-z0-9_.]+)` \|", page, flags=re.MULTILINE)
    assert sorted(documented) == sorted(".".join(("recording", *keys)) for keys, _ in leaves(Settings))
    assert page == render_reference(), REWRITE


def test_every_key_is_described() -> None:
    for keys, field in leaves(Settings):
        assert field.description is not None, keys
        assert field.description.endswith("."), keys


def test_the_default_file_is_commented_and_has_every_key() -> None:
    text = (ROOT / "configs" / "default.yaml").read_text(encoding="utf-8")
    assert text == render_default_file(), REWRITE
    content = yaml.safe_load(text)["recording"]
    for keys, _ in leaves(Settings):
        node = content
        for key in keys:
            assert key in node, keys
            node = node[key]


def test_the_default_file_equals_the_defaults() -> None:
    assert load_settings(ROOT / "configs" / "default.yaml", env={}) == Settings()


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_loads(path: Path) -> None:
    load_settings(path, env={})


def test_the_laptop_configuration_needs_no_redis_and_no_database() -> None:
    settings = load_settings(ROOT / "configs" / "laptop.yaml", env={})
    assert settings.redis.url is None
    assert settings.catalog_url.endswith("catalog.db")


def test_the_cluster_configuration_shares_redis_and_postgresql() -> None:
    settings = load_settings(ROOT / "configs" / "cluster.yaml", env={})
    assert settings.redis.url is not None
    assert settings.redis.url.startswith("rediss://")
    assert settings.catalog_url.startswith("postgresql+psycopg://")
