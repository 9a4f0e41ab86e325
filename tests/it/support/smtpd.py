"""A mail server for tests: aiosmtpd, with rules by recipient. Prints its port, ends when its input is closed.

What is done to a recipient stands at the beginning of the local part: grey2-anna@example.org is put off twice and then
taken; without a number it is always so.

    grey   450 to RCPT              never   550 5.1.1 to RCPT          drop    hangs up at RCPT
    slow   450 4.7.28 to RCPT       policy  554 5.7.1 to RCPT          indata  hangs up within the text
    close  421 to RCPT              full    552 5.2.2 after the text   stall   never answers RCPT
    after  takes the mail and hangs up before it says so
    hang   takes the mail and never says so
    lost   hangs up after the text and does not take the mail
    bye    takes the mail, says so, and closes the connection
"""

import argparse
import asyncio
import json
import logging
import os
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

RULE = re.compile(r"^(grey|slow|close|never|policy|full|drop|indata|stall|after|hang|lost|bye)(\d*)-")
SOON = 0.05


class Rules:
    """What the server does to whom, and how often it has done it."""

    def __init__(self, folder, log, keeps_only_codes=False):
        self.folder, self.log, self.keeps_only_codes = folder, log, keeps_only_codes
        self.hits, self.accepted = {}, 0

    def next(self, address):
        """The rule that applies to a recipient this time."""
        found = RULE.match(address or "")
        if not found:
            return None
        rule, times = found.groups()
        if times and self.hits.get(address, 0) >= int(times):
            return None
        self.hits[address] = self.hits.get(address, 0) + 1
        return rule

    def accept(self, session, envelope):
        """Writes a mail down before it is acknowledged."""
        self.accepted += 1
        content = envelope.original_content
        message_id = re.search(rb"(?im)^message-id:\s*<([^>]*)>", content)
        name = os.path.join(self.folder, f"{self.accepted:06}.eml")
        if not self.keeps_only_codes or (message_id and message_id.group(1).startswith(b"code.")):
            with open(name + ".tmp", "wb") as file:
                file.write(content)
            os.rename(name + ".tmp", name)
        line = {
            "to": envelope.rcpt_tos[0],
            "message_id": message_id.group(1).decode() if message_id else "",
            "file": name,
            "is_encrypted": session.ssl is not None,
            "is_signed_in": bool(session.authenticated),
        }
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()


class Server(SMTP):
    """aiosmtpd with a connection that can break."""

    def abort(self):
        self.transport.abort()

    async def smtp_DATA(self, arg):
        if self.envelope.rcpt_tos and self.envelope.rcpt_tos[0].startswith("indata"):
            if self.event_handler.rules.next(self.envelope.rcpt_tos[0]):
                await self.push("354 go on")
                await self._reader.readline()
                return self.abort()
        return await super().smtp_DATA(arg)


class Handler:
    def __init__(self, rules):
        self.rules = rules

    async def handle_RCPT(self, server, session, envelope, address, options):
        if not address.startswith(("full", "indata", "after", "hang", "lost", "bye")):
            rule = self.rules.next(address)
            if rule == "grey":
                return f"450 4.2.0 <{address}>: greylisted, come back later"
            if rule == "slow":
                return "450 4.7.28 rate limit exceeded"
            if rule == "never":
                return f"550 5.1.1 <{address}>: no such user"
            if rule == "policy":
                return "554 5.7.1 we do not like you"
            if rule == "close":
                asyncio.get_running_loop().call_later(SOON, server.abort)
                return "421 4.3.2 going down"
            if rule == "drop":
                server.abort()
                return "250 nobody hears this"
            if rule == "stall":
                await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        rule = self.rules.next(envelope.rcpt_tos[0])
        if rule == "full":
            return "552 5.2.2 mailbox full"
        if rule != "lost":
            self.rules.accept(session, envelope)
        if rule in ("after", "lost"):
            server.abort()
        if rule == "hang":
            await asyncio.sleep(3600)
        if rule == "bye":
            asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 2.0.0 taken"


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--keep-only-codes", action="store_true", help="mails about posts leave a line in the log only")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--implicit-tls", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    return parser.parse_args()


async def main(given):
    os.makedirs(given.folder, exist_ok=True)
    rules = Rules(given.folder, open(given.log, "a", encoding="utf-8"), given.keep_only_codes)
    context = None
    if given.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given.cert, given.key)

    def authenticate(server, session, envelope, mechanism, data):
        is_right = (data.login.decode(), data.password.decode()) == (given.user, given.password)
        return AuthResult(success=is_right, handled=False)

    def connection():
        return Server(
            Handler(rules),
            hostname="mx.test",
            tls_context=None if given.implicit_tls else context,
            require_starttls=bool(context) and not given.implicit_tls,
            auth_required=bool(given.user),
            auth_require_tls=not given.implicit_tls,
            authenticator=authenticate,
        )

    loop = asyncio.get_running_loop()
    wrapper = context if given.implicit_tls else None
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=wrapper)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


logging.disable(logging.CRITICAL)
asyncio.run(main(options()))
