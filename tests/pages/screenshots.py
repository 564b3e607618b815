"""`make screenshots`: every page with a team's data in it, light, dark and 360 px wide, into docs/screenshots."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from alembic import command
from playwright.async_api import Browser, ViewportSize, async_playwright

from app.embedded.postgres import embedded_postgres
from app.embedded.valkey import embedded_valkey
from app.kit import encryption
from app.main import create_app
from app.postgres import create_engine, create_sessions
from app.settings import Settings
from tests.fixtures.postgres import alembic_config
from tests.pages.browsing import PHONE, ROOT, visiting
from tests.pages.seeding import Seeded, seed
from tests.serving import serving

FOLDER = ROOT / "docs" / "screenshots"
DESK: ViewportSize = {"width": 1280, "height": 800}
LOOKS = (("light", DESK), ("dark", DESK), ("phone", PHONE))


def pages_of(seeded: Seeded) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return {name: (path, the looks that are kept)}: some sixteen pictures are enough to see what it is."""
    shop, store = seeded.resources["shop"], seeded.resources["shop-store"]
    return {
        "overview": ("/", ("light", "dark", "phone")),
        "deployment": (f"/deployments/{seeded.running.deployment_uuid}", ("light",)),
        "failure": (f"/deployments/{seeded.failed.deployment_uuid}", ("light", "dark", "phone")),
        "service": (f"/services/{shop.uuid}", ("light", "dark", "phone")),
        "database": (f"/databases/{store.uuid}", ("light",)),
        "resources": ("/resources", ("light",)),
        "servers": ("/servers", ("light",)),
        "projects": ("/projects", ("light",)),
        "numbers": ("/statistics", ("light", "dark")),
    }


async def take(folder: Path, *, every: bool) -> None:
    """Take the pictures; `every` look of every page, not only what is kept."""
    with tempfile.TemporaryDirectory() as data:
        async with (
            embedded_postgres(Path(data, "postgres"), durable=False) as postgres,
            embedded_valkey(Path(data, "valkey")) as valkey,
        ):
            await asyncio.to_thread(command.upgrade, alembic_config(postgres), "head")
            keys = Path(data, "keys")
            keys.write_text(key := encryption.new_key())
            encryption.install(encryption.Keyring([key]))
            settings = Settings(database_url=postgres, redis_url=valkey, encryption_keys_file=keys, rate_limit=0)
            engine = create_engine(settings)
            seeded = await seed(create_sessions(engine))
            app = create_app(settings)
            async with app.router.lifespan_context(app), serving(app) as url, async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--force-color-profile=srgb"]
                )
                for look, size in LOOKS:
                    await _take_look(browser, url, seeded, folder, look, size, every=every)
                await browser.close()
            await engine.dispose()


async def _take_look(
    browser: Browser, url: str, seeded: Seeded, folder: Path, look: str, size: ViewportSize, *, every: bool
) -> None:
    scheme = "dark" if look == "dark" else "light"
    async with visiting(browser, url, viewport=size, color_scheme=scheme) as visit:
        await visit.go("/sign-in")
        if every:
            await visit.page.screenshot(path=folder / f"sign-in-{look}.png")
        await visit.sign_in(seeded.token)
        for name, (path, kept) in pages_of(seeded).items():
            if every or look in kept:
                await visit.go(path)
                for late in ("#log", "[data-pulls]"):
                    if await visit.page.locator(late).count():
                        await visit.page.locator(f"{late}[data-ready], {late}:not(#log, [hidden])").wait_for()
                if name in {"service", "database"}:  # the others may keep a connection open
                    await visit.page.wait_for_load_state("networkidle")
                await visit.page.screenshot(path=folder / f"{name}-{look}.png", full_page=look == "phone" and every)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(target, every=bool(sys.argv[1:])))
