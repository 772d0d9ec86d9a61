"""Counting taps: a TCP relay in front of each peer that reads along and writes when each request arrived at the source.

A request is stamped with the kernel's receive time of the bytes that completed its command (SO_TIMESTAMPING), so that
a busy machine on which the relay itself is late does not move requests together.

`taps/NAME.csv`: time (seconds since 1970), association, event, detail. Events: `open` (A-ASSOCIATE-RQ; detail: calling
AE title), `close` (A-RELEASE-RP, abort or end of connection), `find` and `echo` (the request's command; detail: message id).
"""

import asyncio
import json
import socket
import struct
import sys
import time
from pathlib import Path

SO_TIMESTAMPING = 37
RX_SOFTWARE_AND_SOFTWARE = (1 << 3) | (1 << 4)
COMMANDS = {0x0020: "find", 0x0030: "echo"}


class Reader:
    """The PDUs of one direction: calls `on_pdu(type, body)` for each complete one, however they are cut."""

    def __init__(self, on_pdu):
        self.buffer, self.on_pdu = bytearray(), on_pdu

    def feed(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= 6:
            length = struct.unpack_from(">I", self.buffer, 2)[0]
            if len(self.buffer) < 6 + length:
                return
            body = bytes(self.buffer[6 : 6 + length])
            kind = self.buffer[0]
            del self.buffer[: 6 + length]
            self.on_pdu(kind, body)


class Tap:
    def __init__(self, name: str, port: int, target: int, log):
        self.name, self.port, self.target, self.log, self.count = name, port, target, log, 0

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        listener.setblocking(False)
        while True:
            client, _ = await loop.sock_accept(listener)
            self.count += 1
            asyncio.create_task(Link(self, self.count).run(client))


class Link:
    """One connection through a tap."""

    def __init__(self, tap: Tap, number: int):
        self.tap, self.number, self.open, self.stamp = tap, number, False, 0.0
        self.command = bytearray()

    def write(self, event: str, detail: object = "") -> None:
        self.tap.log.write(f"{self.stamp:.6f},{self.number},{event},{detail}\n")

    def close(self) -> None:
        if self.open:
            self.open = False
            self.write("close")

    def from_client(self, kind: int, body: bytes) -> None:
        if kind == 0x01:
            self.open = True
            self.write("open", body[20:36].decode("ascii", "replace").strip())
        elif kind == 0x04:
            self.fragments(body)
        elif kind == 0x07:
            self.close()

    def from_peer(self, kind: int, body: bytes) -> None:
        # A rejection, the end of a release, an abort. Written before the client can see it and open the next one.
        if kind in (0x03, 0x06, 0x07):
            self.close()

    def fragments(self, body: bytes) -> None:
        """The PDVs of a P-DATA-TF: a command may be spread over several, and share a PDU with its data set (F88)."""
        offset = 0
        while offset + 6 <= len(body):
            length, _, header = struct.unpack_from(">IBB", body, offset)
            if header & 1:
                self.command += body[offset + 6 : offset + 4 + length]
                if header & 2:
                    self.request(bytes(self.command))
                    self.command.clear()
            offset += 4 + max(length, 2)

    def request(self, command: bytes) -> None:
        fields, offset = {}, 0
        while offset + 8 <= len(command):
            group, element, length = struct.unpack_from("<HHI", command, offset)
            fields[(group, element)] = command[offset + 8 : offset + 8 + length]
            offset += 8 + length
        kind = int.from_bytes(fields.get((0, 0x0100), b""), "little")
        if kind in COMMANDS:
            self.write(COMMANDS[kind], int.from_bytes(fields.get((0, 0x0110), b""), "little"))

    async def run(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RX_SOFTWARE_AND_SOFTWARE)
        peer = socket.socket()
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.sock_connect(peer, ("127.0.0.1", self.tap.target))
            await asyncio.gather(self.forward(client, peer), self.backward(peer, client))
        except OSError:
            pass
        finally:
            self.stamp = time.time()
            self.close()
            client.close()
            peer.close()

    async def forward(self, client: socket.socket, peer: socket.socket) -> None:
        loop, reader = asyncio.get_running_loop(), Reader(self.from_client)
        while True:
            data, self.stamp = await receive(client)
            if not data:
                self.close()
                peer.shutdown(socket.SHUT_WR)
                return
            reader.feed(data)
            await loop.sock_sendall(peer, data)

    async def backward(self, peer: socket.socket, client: socket.socket) -> None:
        loop, reader = asyncio.get_running_loop(), Reader(self.from_peer)
        while data := await loop.sock_recv(peer, 262144):
            self.stamp = time.time()
            reader.feed(data)
            await loop.sock_sendall(client, data)
        client.shutdown(socket.SHUT_WR)


async def receive(client: socket.socket) -> tuple[bytes, float]:
    """The next bytes and when the kernel received the last of them."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            data, ancillary, _, _ = client.recvmsg(262144, 256)
        except BlockingIOError:
            readable = loop.create_future()
            loop.add_reader(client, lambda: readable.done() or readable.set_result(None))
            try:
                await readable
            finally:
                loop.remove_reader(client)
            continue
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING):
                seconds, nanoseconds = struct.unpack_from("qq", value)
                if seconds:
                    return data, seconds + nanoseconds / 1e9
        return data, time.time()


async def serve_all(configuration: Path) -> None:
    taps = []
    for entry in json.loads(configuration.read_text()):
        log = open(entry["log"], "a", buffering=1)
        taps.append(Tap(entry["name"], entry["port"], entry["target"], log).serve())
    await asyncio.gather(*taps)


if __name__ == "__main__":
    asyncio.run(serve_all(Path(sys.argv[1])))
