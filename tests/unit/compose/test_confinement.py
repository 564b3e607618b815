"""What a Compose text may reach: its own folder; all else needs the server's permission, however it is written."""

import json
from pathlib import Path

import pytest

from app.compose.document import ComposeInvalid, read_compose, refuse_outside
from tests.programs import docker_compose, run

MOUNTS = "mounts {}, outside its own folder."


def sentences(service: str, more: str = "") -> list[str]:
    return list(read_compose(f"services: {{web: {{image: a, {service}}}}}\n{more}").outside)


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ("/etc:/x", "/etc"),
        ("/:/host:ro", "/"),
        ("/var/run/docker.sock:/var/run/docker.sock", "/var/run/docker.sock"),
        ("~/.ssh:/x", "~/.ssh"),
        ("~:/x", "~"),
        ("..:/x", ".."),
        ("../other/.env:/x", "../other/.env"),
        ("./a/../../b:/x", "./a/../../b"),
        ("./a\\..\\..:/x", "./a\\..\\.."),
        ("$DATA:/x", "$DATA"),
        ("${DATA:-./data}:/x", "${DATA"),
        ("./data/${NAME}:/x", "./data/${NAME}"),
        ("$ALL", "$ALL"),
        ("{type: bind, source: /etc, target: /x}", "/etc"),
        ("{type: bind, source: ../x, target: /x}", "../x"),
        ("{type: bind, source: x/../../y, target: /x}", "./x/../../y"),
        ("{type: bind, source: $X, target: /x}", "$X"),
        ("{type: $KIND, source: /etc, target: /x}", "/etc"),
        ("{type: npipe, source: '\\\\.\\pipe', target: /x}", "./\\\\.\\pipe"),
    ],
)
def test_a_mount_of_the_server_is_named(volume: str, source: str) -> None:
    written = volume if volume.startswith("{") else json.dumps(volume)
    assert sentences(f"volumes: [{written}]") == [f"The service web {MOUNTS.format(source)}"]


@pytest.mark.parametrize("source", [".", "./", "./verify.sh", "./x/../docker-compose.yml", "./shiplog.override.json"])
def test_what_is_shiplogs_in_the_folder_is_not_mounted(source: str) -> None:
    expected = [f"The service web mounts {source}, which is Shiplog's: mount a folder below it."]
    assert sentences(f"volumes: ['{source}:/x']") == expected


@pytest.mark.parametrize(
    "volume",
    [
        "data:/x",
        "/x",
        "./data:/x",
        "./a/../b:/x:ro",
        ".env:/x",
        "./data:/x/${NAME}",
        "{type: volume, source: data, target: /x}",
        "{type: tmpfs, target: /x}",
        "{type: bind, source: data, target: /x}",
        "{type: bind, source: ./data, target: /x}",
    ],
)
def test_its_own_folder_and_named_volumes_are_free(volume: str) -> None:
    assert sentences(f"volumes: [{volume if volume.startswith('{') else json.dumps(volume)}]") == []


def test_what_is_mounted_of_the_folder_is_known() -> None:
    text = "volumes: [./a/../b:/x, data:/y, {type: bind, source: c/d, target: /z}, './b:/w']"
    assert read_compose(f"services: {{web: {{image: a, {text}}}}}").paths_inside == ("b", "c/d")


@pytest.mark.parametrize(
    ("service", "end"),
    [
        ("env_file: /etc/secrets", "reads its env_file from /etc/secrets, outside its own folder."),
        ("env_file: [.env, ../other/.env]", "reads its env_file from ../other/.env, outside its own folder."),
        ("env_file: [{path: $X, required: false}]", "reads its env_file from $X, outside its own folder."),
        ("label_file: [~/x]", "reads its label_file from ~/x, outside its own folder."),
        ("extends: {file: other.yml, service: a}", "extends a service of another file: Shiplog brings this one only."),
        ("use_api_socket: true", "mounts the socket of the Docker engine."),
        ("provider: {type: sh}", "has a provider, which is a program of the server."),
    ],
)
def test_other_ways_to_the_server_are_named(service: str, end: str) -> None:
    assert sentences(service) == [f"The service web {end}"]


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("include: [other.yml]", "The Compose file includes other files: Shiplog brings this one only."),
        ("secrets: {s: {file: /etc/x}}", "The secret s is read from /etc/x, outside its own folder."),
        ("configs: {c: {file: $X}}", "The config c is read from $X, outside its own folder."),
    ],
)
def test_files_named_at_the_top_count_too(section: str, sentence: str) -> None:
    assert sentences("command: []", section) == [sentence]


@pytest.mark.parametrize(
    "options",
    [
        "driver_opts: {type: none, o: bind, device: /etc}",
        "driver_opts: {type: none, o: bind, device: $X}",
        "driver_opts: {type: overlay, o: 'lowerdir=/', device: overlay}",
        "driver_opts: {type: ext4, device: /dev/sda1}",
        "driver_opts: {type: tmpfs, o: 'size=1m, bind', device: /etc}",
        "driver_opts: {type: tmpfs, o: $X, device: /etc}",
        "driver_opts: {type: $X, device: /etc}",
        "driver_opts: {device: /etc}",
        "driver: other, driver_opts: {mountpoint: /etc}",
    ],
)
def test_a_volume_that_is_a_path_of_the_server_is_named(options: str) -> None:
    expected = ["The volume data has driver_opts that can lead to a path of the server."]
    assert sentences("command: []", f"volumes: {{data: {{{options}}}}}") == expected


@pytest.mark.parametrize(
    "options",
    [
        "",
        "external: true, name: kept",
        "driver_opts: {type: tmpfs, o: size=1m, device: tmpfs}",
        "driver: local, driver_opts: {type: nfs, o: 'addr=192.0.2.1,rw', device: ':/export'}",
    ],
)
def test_other_volumes_are_free(options: str) -> None:
    assert sentences("secrets: [s]", f"volumes: {{data: {{{options}}}}}\nsecrets: {{s: {{environment: S}}}}") == []


def test_merge_keys_hide_nothing() -> None:
    text = "x-b: &b {volumes: ['/etc:/x']}\nservices:\n  web:\n    image: a\n    <<: *b\n"
    assert read_compose(text).outside == ("The service web mounts /etc, outside its own folder.",)


def test_the_refusal_says_what_to_do() -> None:
    document = read_compose("services: {web: {image: a, volumes: ['/etc:/x', '/usr:/y']}}")
    with pytest.raises(ComposeInvalid) as caught:
        refuse_outside(document)
    assert str(caught.value) == (
        "The service web mounts /etc, outside its own folder. Turn on allow_host_paths of the server if its services may "
        "use what is its own."
    )


def test_compose_mounts_nothing_else_than_what_was_seen(tmp_path: Path) -> None:
    volumes = ["./a/../b:/1", "data:/2", "/3", "./c/${NAME}:/4", "/etc:/5", "~:/6", "$ALL"]
    long = [{"type": "bind", "source": "d/e", "target": "/7"}]
    text = json.dumps({"services": {"web": {"image": "a", "volumes": volumes + long}}, "volumes": {"data": {}}})
    document = read_compose(text)
    (tmp_path / "docker-compose.yml").write_text(text)
    (tmp_path / ".env").write_text("NAME=x/../../..\nALL=/:/8\n")
    completed = run([docker_compose(), "-f", "docker-compose.yml", "config", "--format", "json"], tmp_path)
    mounts = json.loads(completed.stdout)["services"]["web"]["volumes"]
    binds = [mount["source"] for mount in mounts if mount["type"] == "bind"]
    inside = [path for path in binds if path.startswith(f"{tmp_path}/")]
    assert inside == [str(tmp_path / path) for path in document.paths_inside]
    assert len(binds) - len(inside) == len(document.outside) == 4
