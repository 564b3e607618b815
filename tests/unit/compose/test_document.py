"""Reading the user's Compose text: what it says, and what is refused with words that help."""

import pytest

from app.compose.document import MAX_BYTES, MAX_DEPTH, ComposeInvalid, ComposeService, read_compose


def only(text: str) -> ComposeService:
    (service,) = read_compose(text).services
    return service


def refusal(text: str) -> str:
    with pytest.raises(ComposeInvalid) as caught:
        read_compose(text)
    return str(caught.value)


def test_services_in_the_order_of_the_text() -> None:
    document = read_compose("services:\n  z: {image: a}\n  a: {image: b}\n  n: {image: c}\n")
    assert [service.name for service in document.services] == ["z", "a", "n"]
    assert not document.has_build


def test_what_the_second_file_has_to_know() -> None:
    document = read_compose(
        "services:\n"
        "  web: {image: a, networks: [front, back]}\n"
        "  job: {build: {dockerfile_inline: FROM a}, networks: {back: {aliases: [j]}}}\n"
        "  agent: {image: b, network_mode: host}\n"
        "networks:\n"
        "  front:\n"
        "  back: {external: true}\n"
        "  far: {external: true, name: elsewhere}\n"
        "  old: {external: {name: older}}\n"
        "  own: {external: false}\n"
    )
    assert document.services == (
        ComposeService("web", has_build=False, network_mode=False, networks=("front", "back"), image="a"),
        ComposeService("job", has_build=True, network_mode=False, networks=("back",)),
        ComposeService("agent", has_build=False, network_mode=True, networks=(), image="b"),
    )
    assert document.networks == {"front": None, "back": "back", "far": "elsewhere", "old": "older", "own": None}
    assert document.has_build


def test_a_service_has_what_the_one_it_extends_has() -> None:
    document = read_compose(
        "services:\n  base: {build: {dockerfile_inline: FROM a}, networks: [one]}\n"
        "  web: {extends: {service: base}, networks: [two]}\n"
        "  loop: {image: a, extends: loop}\n  far: {extends: {file: other.yml, service: base}}\n"
    )
    web, loop, far = document.services[1:]
    assert web == ComposeService("web", has_build=True, network_mode=False, networks=("two", "one"))
    assert not loop.has_build
    assert not far.has_build


@pytest.mark.parametrize("word", ["on", "1", "2026-01-01", "no", "nothing", "null-ish", "~x", "1.5"])
def test_a_word_that_yaml_takes_for_something_else_is_a_name(word: str) -> None:
    assert only(f"services:\n  {word.strip('~')}: {{image: a, networks: [{word}]}}\n").networks == (word,)


def test_merge_keys_and_tags_of_compose() -> None:
    text = (
        "x-b: &b {image: a, networks: [one]}\nservices:\n  web:\n    <<: *b\n    ports: !reset []\n    build: !reset\n"
    )
    service = only(text)
    assert service.networks == ("one",)
    assert not service.has_build


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services:\n  web:\n    image: a\n   ports: []\n", "not valid YAML in line 4"),
        ("services:\n  web: {image: 'a}\n", "not valid YAML in line"),
        ("services:\n  web: *missing\n", "not valid YAML in line 2"),
        ("services:\n  web: {image: a}\x07\n", "not valid YAML"),
        ("services: {web: {image: a\ud800}}", "not valid YAML"),
        ("services: {web: {image: a}}\n---\nservices: {}\n", "more than one YAML document"),
        ("", "not a mapping"),
        ("just words", "not a mapping"),
        ("- a\n- b\n", "not a mapping"),
        ("version: '3'\n", "has no services"),
        ("services:\n", "has no services"),
        ("services: [a]\n", "`services` in the Compose file is not a mapping"),
        ("services:\n  web:\n", "service web in the Compose file is not a mapping"),
        ("services:\n  web: {ports: []}\n", "service web has neither an image nor a build"),
        ("services:\n  'a b': {image: a}\n", "service name 'a b' may only have"),
        ("services:\n  '$(id)': {image: a}\n", "service name '$(id)' may only have"),
        ("services: {web: {image: a, x: &a [*a]}}\n", "alias *a in the Compose file contains itself"),
        ("services: {web: {image: a, volumes: [!!binary Lzovaw==]}}\n", "the YAML tag tag:yaml.org,2002:binary"),
        ("services: {web: {image: a, x: !<tag:yaml.org,2002:set> {a}}}\n", "the YAML tag tag:yaml.org,2002:set"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    assert words in refusal(text)


def test_size_is_limited_in_bytes() -> None:
    text = "services: {web: {image: a}}\n# "
    full = text + "é" * ((MAX_BYTES - len(text)) // 2)
    read_compose(full)
    assert "larger than 256 KiB" in refusal(full + "éé")


def test_depth_is_limited() -> None:
    def nested(levels: int) -> str:
        return "services: {web: {image: a}}\nx: " + "[" * levels + "]" * levels

    read_compose(nested(MAX_DEPTH - 1))
    assert "deeper than 64 levels" in refusal(nested(MAX_DEPTH))
    assert "deeper than 64 levels" in refusal(nested(100_000))


def test_aliases_count_as_what_they_stand_for() -> None:
    lines = ["services: {web: {image: a}}", "x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 10)}]" for level in range(1, 12)]
    read_compose("\n".join(lines[:4]))
    assert "more than 100000 nodes" in refusal("\n".join(lines))


def test_merge_keys_count_too() -> None:
    keys = ", ".join(f"k{number}: v" for number in range(1000))
    uses = "\n".join(f"y{number}: {{<<: *b}}" for number in range(200))
    assert "more than 100000 nodes" in refusal(f"services: {{web: {{image: a}}}}\nx-b: &b {{{keys}}}\n{uses}\n")


@pytest.mark.parametrize(
    "build",
    [
        ".",
        "https://git.example/shop.git",
        "git@git.example:shop.git#main",
        "{context: .}",
        "{context: https://git.example/shop.git, dockerfile_inline: FROM a}",
        "{context: /etc, dockerfile_inline: FROM a}",
        "{context: $WHERE, dockerfile_inline: FROM a}",
        "{dockerfile_inline: FROM a, additional_contexts: {more: ../other}}",
        "{dockerfile_inline: FROM a, additional_contexts: ['more=https://git.example/more.git']}",
    ],
)
def test_what_is_built_from_files_is_refused(build: str) -> None:
    text = refusal(f"services: {{web: {{image: a, build: {build}}}}}")
    assert text.startswith("The service web is built from files, and Shiplog neither brings nor fetches any: build its")


@pytest.mark.parametrize(
    "more", ["", "context: ., ", "additional_contexts: {base: docker-image://alpine, other: 'service:job'}, "]
)
def test_a_whole_dockerfile_in_the_text_is_built(more: str) -> None:
    assert only(f"services: {{web: {{build: {{{more}dockerfile_inline: FROM a}}}}}}").has_build


def test_profiles_are_seen() -> None:
    assert read_compose("services: {web: {image: a}, job: {image: a, profiles: [jobs]}}").has_profiles
    assert not read_compose("services: {web: {image: a, profiles: []}}").has_profiles
