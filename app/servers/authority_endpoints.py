"""The certificate authority of a server over the API: what clients need to check the certificates of its databases."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from app.auth.dependencies import Caller, require
from app.errors import NotFound, answers
from app.models.certificate_authority import CertificateAuthority
from app.postgres import Session
from app.servers.repository import ServerRepository

router = APIRouter(tags=["Servers"])

Reader = Annotated[Caller, Depends(require("read"))]

_EXAMPLE = "-----BEGIN CERTIFICATE-----\nMIIBqTCCAU+gAwIBAgIUc2hpcGxvZw…\n-----END CERTIFICATE-----\n"


@router.get(
    "/servers/{uuid}/ca-certificate",
    operation_id="get-ca-certificate-by-server-uuid",
    summary="Get the certificate authority of a server",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": _EXAMPLE}}}, **answers(401, 403, 404)},
)
async def get_ca_certificate(session: Session, caller: Reader, uuid: str) -> str:
    """Return the certificate, as PEM, that the databases of the server with `enable_ssl` are checked with.

    A client that verifies needs it as a file: `sslrootcert`, `--tls-ca-file`, `tlsCAFile`, `--ssl-ca`.
    """
    server = await ServerRepository(session).get(caller.team_id, uuid)
    if server is None:
        raise NotFound("Server not found.")
    authority = await session.get(CertificateAuthority, server.id)
    if authority is None:
        raise NotFound(
            "The server has no certificate authority yet: it is made when a database with enable_ssl is started there."
        )
    return authority.certificate
