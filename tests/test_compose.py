"""docker-compose.yml and the Dockerfile, as far as they can be held to the program without an engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tomllib
import yaml

from recorder.commands import COMMANDS
from recorder.commands.arguments.parsing import build_parser
from recorder.redis_server.status import QUEUES
from recorder.settings import ENVIRONMENT_PREFIX, load_settings
from replay_server.serving import check_bind
from tests.waiting import DEADLINE_SECS

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"ingest": "worker", "render": "render", "server": "server"}
"""Services that run this project, and the image's target of each."""


NEEDED = {"REPLAY_TOKEN": "secret"}
"""What compose asks for before it starts anything."""


def interpolated(text: str, given: dict[str, str] = NEEDED) -> str:
    """``${NAME:-default}`` and ``${NAME:?why}`` as compose reads them; by default only what is needed is set."""
    text = re.sub(r"\$\{([A-Z_]+):\?[^}]*\}", lambda found: given[found[1]], text)
    return re.sub(r"\$\{([A-Z_]+):-([^}]*)\}", lambda found: given.get(found[1], found[2]), text)


def targets() -> dict[str, str]:
    """Each target of the Dockerfile with its instructions."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[2::3], parts[3::3], strict=True))


def our_arguments(command: list[str]) -> list[str]:
    assert command[:3] == ["python", "-m", "recorder"], command
    return command[3:]


def test_the_services_are_the_two_servers_the_two_workers_and_the_page() -> None:
    assert set(SERVICES) == {"redis", "postgres", *OURS}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check_a_comment_and_a_restart_policy(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    assert SERVICES[name]["restart"] == "unless-stopped"
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.search(rf"^  # .*\n  {name}:$", text, flags=re.MULTILINE)


def test_redis_evicts_nothing_and_writes_a_log() -> None:
    command = shlex.join(SERVICES["redis"]["command"])
    for option in ("--appendonly yes", "--maxmemory-policy noeviction", "--maxmemory 2gb", "--appendfsync everysec"):
        assert option in command
    assert "redis-data:/data" in SERVICES["redis"]["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_the_environment_variables_are_known_to_the_program(name: str) -> None:
    environment = {key: interpolated(value) for key, value in SERVICES[name]["environment"].items()}
    assert {key for key in environment if not key.startswith(ENVIRONMENT_PREFIX)} == {"PGPASSWORD"}
    settings = load_settings(env=environment)
    assert settings.redis.url == "redis://redis:6379/0"
    assert settings.catalog_url == "postgresql+psycopg://recorder@postgres:5432/recorder"
    assert f"recordings:{settings.recordings_dir}" in SERVICES[name]["volumes"]


def test_the_pages_address_needs_and_has_a_token() -> None:
    arguments = our_arguments(SERVICES["server"]["command"])
    host = build_parser(arguments).parse_args(arguments).host
    environment = {key: interpolated(value) for key, value in SERVICES["server"]["environment"].items()}
    check_bind(load_settings(env=environment, overrides={"server": {"host": host}}))


def test_required_variables_are_named_at_the_head() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    head = text.partition("\nname:")[0]
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) == set(NEEDED)
    assert all(f'"{name}=$(' in head for name in NEEDED)


def test_catalog_and_database_share_one_password() -> None:
    database = SERVICES["postgres"]["environment"]
    for name in OURS:
        environment = SERVICES[name]["environment"]
        url = environment["HAMLET_RECORDER_DATABASE"]
        assert f"//{database['POSTGRES_USER']}@postgres:5432/{database['POSTGRES_DB']}" in url
        # Not in the URL, where a password with @ or # would end the name of the host.
        assert environment["PGPASSWORD"] == database["POSTGRES_PASSWORD"]


@pytest.mark.parametrize(("name", "target"), OURS.items())
def test_every_image_is_a_target_of_the_dockerfile_and_runs_the_same_command(name: str, target: str) -> None:
    build = SERVICES[name]["build"]
    assert build["target"] == target
    default = re.search(r"^CMD (\[.*\])$", targets()[target], flags=re.MULTILINE)
    assert default is not None
    assert yaml.safe_load(default[1]) == SERVICES[name]["command"]


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_a_known_command(name: str) -> None:
    arguments = our_arguments(SERVICES[name]["command"])
    assert arguments[0] in COMMANDS
    assert build_parser(arguments).parse_args(arguments).command == arguments[0]


@pytest.mark.parametrize("name", ["ingest", "render"])
def test_a_workers_health_check_is_its_pulse(name: str) -> None:
    check = SERVICES[name]["healthcheck"]["test"]
    arguments = our_arguments(check[1:])
    assert build_parser(arguments).parse_args(arguments).command == "probe"
    environment = {key: interpolated(value) for key, value in SERVICES[name]["environment"].items()}
    assert load_settings(env=environment).worker.pulse_file == "/tmp/worker.pulse"


def test_all_queues_have_a_worker() -> None:
    queues = [queue for name in ("ingest", "render") for queue in SERVICES[name]["command"][-1].split(",")]
    assert sorted(queues) == sorted(QUEUES)


@pytest.mark.parametrize("name", ["ingest", "render"])
def test_workers_can_be_scaled(name: str) -> None:
    assert "container_name" not in SERVICES[name]
    assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", OURS)
def test_nothing_starts_before_both_servers_are_healthy(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {
        "redis": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }


def test_ports_are_published_only_on_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_volume_that_is_used_is_declared() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_the_server_is_published_where_it_listens() -> None:
    port = load_settings(env={}).server.port
    assert SERVICES["server"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"EXPOSE {port}" in targets()["server"]
    assert f"127.0.0.1:{port}/" in SERVICES["server"]["healthcheck"]["test"][-1]


def test_four_images_are_built() -> None:
    assert set(targets()) == {"base", "trainer", "worker", "render", "server"}


@pytest.mark.parametrize("target", ["trainer", "worker", "render", "server"])
def test_no_image_runs_as_root(target: str) -> None:
    assert "USER recorder" in targets()[target]


def test_the_extras_that_are_installed_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = {extra for group in re.findall(r'"\.\[([a-z,]+)\]"', DOCKERFILE) for extra in group.split(",")}
    assert asked
    assert asked <= extras.keys()


def test_files_that_the_dockerfile_copies_exist_and_are_sent_to_the_builder() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, flags=re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignore, source


def test_the_compose_file_is_valid_to_docker_itself() -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("the docker client is not installed")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        command, content = [docker, "compose", "--file", "-", "config", "--quiet"], COMPOSE
    else:
        # The client alone checks all but the project's name and the conditions of depends_on, which it predates.
        services = {name: {**service} for name, service in SERVICES.items()}
        for service in services.values():
            service["depends_on"] = list(service.get("depends_on", {}))
        command = [docker, "stack", "config", "--compose-file", "-"]
        content = {key: value for key, value in COMPOSE.items() if key != "name"} | {"services": services}
    checked = subprocess.run(
        command, input=yaml.safe_dump(content), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECS, check=False,
        env={**os.environ, **NEEDED},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
