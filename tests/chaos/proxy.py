# SPDX-License-Identifier: AGPL-3.0-or-later
"""TCP between two processes that can be cut: connections reset, octets held back, or the end after so many octets."""
import asyncio
import contextlib
import socket
import threading

PIECE = 16384


class Proxy:
    """Listens on a port of its own and passes on to another one of this machine."""

    def __init__(self, net, name, port):
        self.net, self.name, self.to_port = net, name, port
        self.socket = socket.socket()
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.refuse, self.left = False, None
        self.flow, self.pairs = asyncio.Event(), set()
        self.flow.set()
        self.connections = 0

    async def serve(self):
        await asyncio.start_server(self.accept, sock=self.socket)

    async def accept(self, reader, writer):
        self.connections += 1
        if self.refuse:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection('127.0.0.1', self.to_port)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self.pairs.add(pair)
        await asyncio.gather(self.pump(reader, far_writer, pair), self.pump(far_reader, writer, pair))
        self.pairs.discard(pair)
        for end in pair:
            end.close()

    async def pump(self, reader, writer, pair):
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                await self.flow.wait()
                if self.left is not None:
                    data, cut = data[:self.left], len(data) >= self.left
                    self.left -= len(data)
                    writer.write(data)
                    if cut:
                        self.abort(pair)
                        return
                else:
                    writer.write(data)
                await writer.drain()
            writer.write_eof()
            return
        self.abort(pair)

    @staticmethod
    def abort(pair):
        for end in pair:
            end.transport.abort()

    def abort_all(self):
        for pair in list(self.pairs):
            self.abort(pair)

    def set(self, kind, arg):
        if kind == 'heal':
            self.refuse, self.left = False, None
            self.flow.set()
        elif kind == 'reset':      # all connections break, no new one
            self.refuse = True
            self.abort_all()
        elif kind == 'stall':      # nothing passes; what is held back passes later
            self.flow.clear()
        elif kind == 'after':      # everything breaks after so many octets, and new connections after none
            self.left = arg


class Net:
    """All proxies, in a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda *_: None)
        self.proxies = {}
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def add(self, name, port):
        """Returns the port to connect to."""
        async def start():
            proxy = Proxy(self, name, port)
            await proxy.serve()
            return proxy
        self.proxies[name] = asyncio.run_coroutine_threadsafe(start(), self.loop).result(10)
        return self.proxies[name].port

    def cut(self, name, kind, arg=0):
        self.loop.call_soon_threadsafe(self.proxies[name].set, kind, arg)

    def heal(self):
        for name in self.proxies:
            self.cut(name, 'heal')

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
