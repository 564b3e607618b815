"""The rig's logins as servers of the product."""

from tests.acceptance.client import Client
from tests.rig.parts import Rig


class Servers:
    """One server per login, by the login's name."""

    def __init__(self, rig: Rig, client: Client) -> None:
        self._rig = rig
        self._client = client
        self._uuids: dict[str, str] = {}

    async def usable(self, name: str) -> str:
        """Return the uuid of a server that validation has found usable."""
        if name not in self._uuids:
            uuid = await self._client.add_server(self._rig.logins[name])
            server = await self._client.validate(uuid)
            assert server["is_usable"], server
            self._uuids[name] = uuid
        return self._uuids[name]
