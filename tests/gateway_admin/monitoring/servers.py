"""Targets that behave in one way each, on free ports of the loopback interface."""

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
from contextlib import asynccontextmanager, contextmanager

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PATIENCE_S = 10  # no behaviour lasts longer, even when a test forgets to hang up


@asynccontextmanager
async def serving(behave, *, ssl_context=None):
    """``behave(reader, writer)`` once per connection. Yields "127.0.0.1:port"."""
    running = set()

    async def handle(reader, writer):
        running.add(asyncio.current_task())
        # Cancelled by us below: streams of Python 3.11 log a task that ends as cancelled as an error.
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            async with asyncio.timeout(PATIENCE_S):
                await behave(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=ssl_context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def answering(status=200, *, extra="", body=b"", length=None, heads=None):
    """An HTTP answer; what was asked is appended to ``heads``. ``length``: of a body that never comes whole."""

    async def behave(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head.decode("latin-1"))
        announced = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status} Some Reason\r\nContent-Length: {announced}\r\n{extra}\r\n".encode() + body)
        await writer.drain()
        if announced > len(body):
            await reader.read()

    return behave


def saying(raw: bytes):
    """These bytes, whatever was asked."""

    async def behave(reader, writer):
        await reader.read(1)
        writer.write(raw)
        await writer.drain()

    return behave


async def hanging(reader, writer):
    await reader.read()


async def closing_early(reader, writer):
    await reader.readuntil(b"\r\n\r\n")


async def resetting(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


async def dripping(reader, writer):
    """A head that comes byte by byte and never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not reader.at_eof():
        writer.write(b"x")
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1000), timeout=0.02)


def pouring(sent: list):
    """A body without end; how many bytes were taken from us is appended to ``sent`` when the other side hangs up."""

    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        poured = 0
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                poured += 65536
        finally:
            sent.append(poured)

    return behave


async def no_certificates(certificate_id):
    """Where ``probe_kit`` finds the client certificates of checks that show none."""


@contextmanager
def nobody_listening():
    """The address of a port that is taken but refuses connections."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def server_tls(directory, *names: str) -> tuple[ssl.SSLContext, str]:
    """A context with a fresh self-signed certificate for ``names``, and the path of that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / "certificate.pem", directory / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path, key_path)
    return context, str(certificate_path)


def _general_name(name: str):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
