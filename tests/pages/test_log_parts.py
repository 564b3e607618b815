"""The parts of the log's script, each called in the browser: colours, heights of rows, which rows there are."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, Page, Route

from app.kit.redaction_forms import CODES
from app.pages.assets import assets

ESC = "\x1b["
CASES: dict[str, tuple[str, list[list[Any]]]] = {
    "nothing": ("plain", [["plain", [], None, None]]),
    "sixteen": (f"{ESC}31mred{ESC}0m and {ESC}92mgreen", [["red", ["fg-1"]], [" and ", []], ["green", ["fg-10"]]]),
    "backgrounds": (f"{ESC}41;103mone", [["one", ["bg-11"]]]),
    "flags": (f"{ESC}1;3;4mall{ESC}22mless{ESC}23;24mnone", [["all", ["bold", "italic", "underline"]],
                                                           ["less", ["italic", "underline"]], ["none", []]]),
    "dim": (f"{ESC}2mdim", [["dim", ["dim"]]]),
    "inverse": (f"{ESC}7mswapped", [["swapped", ["fg-ground", "bg-text"]]]),
    "inverse of colours": (f"{ESC}31;7mswapped", [["swapped", ["fg-ground", "bg-1"]]]),
    "256": (f"{ESC}38;5;208mcube{ESC}38;5;3mnamed{ESC}48;5;250mgrey", [["cube", [], "rgb(255 135 0)"], ["named", ["fg-3"]],
                                                                    ["grey", ["fg-3"], None, "rgb(188 188 188)"]]),
    "true colour": (f"{ESC}38;2;200;150;250mone{ESC}39mtwo", [["one", [], "rgb(200 150 250)"], ["two", []]]),
    "with colons": (f"{ESC}38:5:208mcube", [["cube", [], "rgb(255 135 0)"]]),
    "reset without a number": (f"{ESC}1mbold{ESC}mnot", [["bold", ["bold"]], ["not", []]]),
    "no colour codes": (f"a{ESC}2Kb\x1b]8;;https://example.com\x07link\x1b]8;;\x07{ESC}?25l",
                        [["a", []], ["b", []], ["link", []]]),
    "half a code": (f"{ESC}38;5mlost", [["lost", []]]),
}  # fmt: skip


@pytest_asyncio.fixture
async def module(browser: Browser) -> AsyncIterator[Page]:
    """A page in which the modules can be imported; no server is behind it."""

    async def serve(route: Route) -> None:
        name = urlsplit(route.request.url).path.removeprefix("/")
        content_type = "text/javascript" if name else "text/html"
        await route.fulfill(body=assets().files.get(name, b""), content_type=content_type)

    page = await browser.new_page()
    await page.route("http://pages.test/**", serve)
    await page.goto("http://pages.test/")
    yield page
    await page.close()


async def call(page: Page, name: str, body: str, argument: Any = None) -> Any:
    """Run a function's body with the module as `module`."""
    return await page.evaluate(
        f"async ([name, argument]) => {{ const module = await import('/' + name); {body} }}", [name, argument]
    )


async def test_colours_become_classes_and_what_has_none_a_colour(module: Page) -> None:
    texts = [text for text, _ in CASES.values()]
    found = await call(
        module,
        "log-ansi.js",
        "return argument.map(text => module.stretches(text).map(one => "
        "[one.text, one.classes.map(name => name.replace('ansi-', '')), one.foreground, one.background]))",
        texts,
    )
    wanted = [[[*one, *[None] * (4 - len(one))] for one in stretches] for _, stretches in CASES.values()]
    assert dict(zip(CASES, found, strict=True)) == dict(zip(CASES, wanted, strict=True))


async def test_a_dark_colour_is_made_readable_on_the_dark_ground(module: Page) -> None:
    (dark, on_white) = await call(
        module,
        "log-ansi.js",
        "return argument.map(text => module.stretches(text)[0].foreground)",
        [f"{ESC}38;2;0;0;60mnight", f"{ESC}38;2;0;0;60;48;2;255;255;255mink"],
    )
    assert min(int(part) for part in dark[4:-1].split()) > 90
    assert on_white == "rgb(0 0 60)"


async def test_the_browser_strips_what_the_server_strips(module: Page) -> None:
    texts = [text for text, _ in CASES.values()] + ["\x1b(B\x1b[m", "\x1b", "\x1b]0;title", "\x1b[" + "1;" * 40 + "m"]
    found = await call(module, "log-ansi.js", "return argument.map(module.plain)", texts)
    assert found == [CODES.sub("", text) for text in texts]


async def test_heights_are_sums_and_a_height_leads_to_its_row(module: Page) -> None:
    wrong = await call(
        module,
        "log-heights.js",
        """
        const heights = new module.Heights();
        const own = Array.from({length: 300}, (_, index) => 20 * (1 + (index * 7) % 5));
        heights.reset(200, (index) => own[index]);
        own.slice(200).forEach((height) => heights.add(height));
        for (const index of [0, 77, 255, 299]) { heights.set(index, 20 * 9); own[index] = 20 * 9; }
        const wrong = [];
        let top = 0;
        own.forEach((height, index) => {
          if (heights.top(index) !== top) wrong.push(['top', index]);
          if (heights.at(top) !== index || heights.at(top + height - 1) !== index) wrong.push(['at', index]);
          top += height;
        });
        if (heights.top(300) !== top || heights.at(top + 99) !== 299 || heights.at(-5) !== 0) wrong.push(['ends']);
        return wrong;
        """,
    )
    assert wrong == []


async def test_an_entry_is_taken_once_and_is_as_many_rows_as_it_has_lines(module: Page) -> None:
    found = await call(
        module,
        "log-store.js",
        """
        const store = new module.Store();
        const entry = (order, more) => ({command: null, output: 'text', type: 'stdout', hidden: false, batch: 1, order,
          timestamp: '2026-03-01T22:30:00.123456Z', ...more});
        const taken = [
          store.take(entry(1, {name: 'Pull', output: 'Pull', command: 'docker compose pull'})),
          store.take(entry(2, {output: 'two\\nlines'})),
          store.take(entry(2)), store.take(entry(1)),
          store.take(entry(3, {hidden: true})), store.take(entry(4, {type: 'stderr'})),
        ];
        const shown = () => store.shown.map((_, position) => [store.row(position).order, store.row(position).text]);
        const without = shown();
        store.withHidden = true;
        return [taken, without, shown().length, [1, 2, 3, 4, 5].map((order) => store.find(order)),
          store.text(1, 4, () => '')];
        """,
    )
    taken, without, with_hidden, places, text = found
    assert taken == [True, True, False, False, True, True]
    assert without == [[1, "Pull"], [1, "docker compose pull"], [2, "two"], [2, "lines"], [4, "text"]]
    assert (with_hidden, places) == (6, [0, 2, 4, 5, -1])
    assert text == "── Pull\n$ docker compose pull\ntwo\nlines\ntext\ntext"


async def test_a_search_is_literal(module: Page) -> None:
    texts = ["a.b", "(", "[x]", "\\d", "^a", "+1 -1", "$", "{2}"]
    hits = await call(
        module,
        "log-search.js",
        """
        return argument.map((text) => {
          const lines = [`before ${text.toUpperCase()} after`, 'axb 1 d'];
          const search = new module.Search({shown: lines, search: (expression) =>
            lines.flatMap((line, at) => expression.test(line) ? [at] : [])});
          search.look(text, 0);
          return search.hits;
        });
        """,
        texts,
    )
    assert hits == [[0]] * len(texts)
