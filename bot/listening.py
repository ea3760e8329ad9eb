"""The address that a server listens on: taken before anything is opened, so that what stands in the way is one sentence.

Decided here: what each failure means for whoever wrote the configuration. A socket is first only bound: until ``listen`` nobody is
answered and nobody waits. Deliberately absent: serving.
"""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path
from typing import Final

from bot.errors import ConfigError

BACKLOG: Final = 2048


class CannotListen(ConfigError):
    """The address cannot be had. *is_taken*: it could be, were nobody else there."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(_sentence(host, port, error))
        self.is_taken = error.errno == errno.EADDRINUSE


def bound(host: str, port: int) -> socket.socket:
    """A socket of ours at *host* and *port* (0: the system chooses one). ``CannotListen`` says why there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotListen(host, port, error) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise CannotListen(host, port, error) from error
    return sock


def listen(sock: socket.socket, host: str, port: int) -> None:
    """From here on callers are taken. Two processes may be bound to one port, but only the first may listen."""
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        raise CannotListen(host, port, error) from error


def check_tls(certificate: Path, key: Path) -> None:
    """``ConfigError`` unless *certificate* and *key* can be read, are PEM and belong together."""
    for file in (certificate, key):
        try:
            file.open("rb").close()
        except OSError as error:
            raise ConfigError(
                f"{file} cannot be read ({error.strerror}); correct the names of the files"
            ) from error
    try:
        # A key with a pass phrase would be asked for on the terminal; nothing here asks back.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{certificate} and {key} cannot serve TLS: both must be PEM, without a pass phrase, and belong together; correct the names of the files"
        ) from error


def _sentence(host: str, port: int, error: OSError) -> str:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine and no name of one; correct the host"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where} is in use: this server runs already, or another program has the port; stop it, or choose another port"
        case errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine; correct the host"
        case errno.EACCES:
            return f"{where} may not be opened by this user; choose a port above 1023, and let a proxy have the lower one"
        case _:
            return f"{where} cannot be listened on ({error.strerror}); correct host and port"
