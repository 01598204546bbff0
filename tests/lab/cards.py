# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stand-in for euicc-sim: cards that record what reaches them and answer as the test tells them (lab/air/air.h)."""
import os
import selectors
import socket
import threading

ATTACH, DETACH, ATTACHED, MT, MT_ACK, MO, MO_RESULT, LOST = range(1, 9)


class Card:
    def __init__(self, imsi):
        self.imsi = imsi
        self.service = []   # causes of AIR_ATTACHED, 'lost' for AIR_LOST
        self.mt = []        # TPDUs received
        self.mo_results = []
        self.mt_cause = 0   # what to answer
        self.mt_report = b''


class Cards:
    """Listens on the air socket; one radio at a time."""

    def __init__(self, path):
        self.path = path
        self.cards = {}
        self.on = []
        self.cond = threading.Condition()
        self.radio = None
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, args=(self.listener,), daemon=True)
        self.thread.start()

    def serve(self, listener):
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    try:
                        radio, _ = listener.accept()
                    except OSError:
                        return
                    selector.register(radio, selectors.EVENT_READ)
                    self.connected(radio)
                else:
                    data = key.fileobj.recv(1024)
                    if not data:
                        selector.unregister(key.fileobj)
                        if key.fileobj is self.radio:
                            self.radio = None
                        key.fileobj.close()
                        if listener.fileno() < 0:
                            return
                        continue
                    self.received(data)

    def connected(self, radio):
        with self.cond:
            self.radio = radio
            for imsi in self.on:
                self.send(ATTACH, imsi)

    def send(self, kind, imsi, payload=b'', cause=0):
        if self.radio:
            self.radio.send(bytes([kind, cause, len(imsi)]) + imsi.encode() + payload)

    def received(self, data):
        kind, cause, digits = data[:3]
        imsi, payload = data[3:3 + digits].decode(), data[3 + digits:]
        with self.cond:
            card = self.cards[imsi]
            if kind == ATTACHED:
                card.service.append(cause)
            elif kind == LOST:
                card.service.append('lost')
            elif kind == MT:
                card.mt.append(payload)
                self.send(MT_ACK, imsi, card.mt_report, card.mt_cause)
            elif kind == MO_RESULT:
                card.mo_results.append(cause)
            self.cond.notify_all()

    def attach(self, imsi):
        with self.cond:
            card = self.cards.setdefault(imsi, Card(imsi))
            self.on.append(imsi)
            self.send(ATTACH, imsi)
            return card

    def detach(self, card):
        with self.cond:
            self.on.remove(card.imsi)
            self.send(DETACH, card.imsi)

    def submit(self, card, tpdu):
        with self.cond:
            self.send(MO, card.imsi, tpdu)

    def wait(self, what, predicate, seconds=15):
        """Wait until predicate() is true."""
        with self.cond:
            if not self.cond.wait_for(predicate, seconds):
                raise AssertionError(f'{what}: not within {seconds} s')

    def close(self):
        self.listener.close()
        if self.radio:
            self.radio.shutdown(socket.SHUT_RDWR)
        os.unlink(self.path)

    def restart(self):
        """Come back on the same path, as a restarted euicc-sim does."""
        self.close()
        self.listen()
