"""Takes mail by aiosmtpd and writes what came as JSON lines.

usage: receive.py FOLDER MODE, where MODE is plain, starttls or tls. FOLDER gets the server's
certificate (ca.pem), its port (port) and the mails (mails). Ends with its standard input.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import subprocess
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keeping:
    """Keeps every mail before it says that it was taken."""

    def __init__(self, folder):
        self.folder = folder

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {
            # Lines of a mail end with CR and LF; what is compared is the text.
            part.get_content_type(): part.get_content().replace("\r\n", "\n")
            for part in mail.walk()
            if not part.is_multipart()
        }
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "headers": [name for name, _ in mail.items()],
            "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            "parts": parts,
            "tls": session.ssl is not None,
            "user": getattr(session, "auth_data", None) or "",
        }
        with open(self.folder / "mails", "a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
        return "250 taken"


def allow(server, session, envelope, mechanism, data):
    good = data.login == b"ann@example.org" and data.password == b"p:w %"
    # Not handled: the server is to answer, also with a no.
    return AuthResult(
        success=good, handled=False, auth_data=data.login.decode() if good else None
    )


def context(folder):
    key, certificate = folder / "key.pem", folder / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


async def main():
    folder, mode = pathlib.Path(sys.argv[1]), sys.argv[2]
    secured = context(folder) if mode != "plain" else None
    options = {}
    if mode == "starttls":
        options = {
            "tls_context": secured, "require_starttls": True, "auth_required": True,
            "authenticator": allow,
        }
    elif mode == "tls":
        options = {
            "auth_require_tls": False, "auth_required": True, "authenticator": allow,
        }
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Keeping(folder), hostname="localhost", loop=loop, **options),
        host="127.0.0.1", port=0, ssl=secured if mode == "tls" else None,
    )
    port = server.sockets[0].getsockname()[1]
    (folder / "port.new").write_text(str(port))
    (folder / "port.new").rename(folder / "port")
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
