"""A mail server for the tests: aiosmtpd, with a few people who are hard to reach.

    real_server.py plain|starttls|tls DIRECTORY

It listens on a free port of 127.0.0.1 and prints it. What it takes lies in DIRECTORY as 1.eml, 2.eml; the encrypted
ones prove themselves with server.pem and server.key from there, and take mail only from backup with the password
se:cret. It ends with its standard input.
"""

import asyncio
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

ANSWERS = {
    "new@example.org": "451 4.7.1 Greylisted, come back in 5 minutes",
    "nobody@example.org": "550 5.1.1 no such user here",
}


class Handler:
    def __init__(self, directory):
        self.directory = directory
        self.taken = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("banned@"):
            return "553 5.7.1 sender address rejected"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == "tarpit@example.org":
            await asyncio.Event().wait()
        if address in ANSWERS:
            return ANSWERS[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"too large" in envelope.content:
            return "552 5.3.4 message size exceeds the limit"
        self.taken += 1
        (self.directory / f"{self.taken}.eml").write_bytes(envelope.original_content)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"backup", b"se:cret")
    return AuthResult(success=right, handled=False)


def serve(kind, directory):
    handler, options, wrapped = Handler(directory), {}, None
    if kind != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem", directory / "server.key")
        options = {"authenticator": authenticate, "auth_required": True}
        if kind == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        else:
            # Behind a wrapped connection aiosmtpd does not know that it is encrypted.
            wrapped, options["auth_require_tls"] = context, False
    return handler, options, wrapped


async def main(kind, directory):
    handler, options, wrapped = serve(kind, Path(directory))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0, ssl=wrapped
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
