# SPDX-License-Identifier: AGPL-3.0-or-later
"""What went to the cards by short message, read without a line of the daemons: pcap, SMPP 3.4, concatenation
(TS 23.040), command packets (TS 102 225).  The cryptography is OpenSSL's."""
import collections
import ctypes
import hashlib
import hmac
import re
import struct

SMPP_PORT, SUBMIT_SM = 2775, 4
CRYPTO = ctypes.CDLL('libcrypto.so.3')
for name in ('EVP_CIPHER_CTX_new', 'EVP_aes_128_cbc', 'CMAC_CTX_new'):
    getattr(CRYPTO, name).restype = ctypes.c_void_p

Packet = collections.namedtuple('Packet', 'dest octets')
Opened = collections.namedtuple('Opened', 'eid cntr tar')


def derive(seed, label, name, length=16):
    """Keys of the lab's cards: HKDF (RFC 5869)."""
    prk = hmac.new(bytes(32), seed.encode(), hashlib.sha256).digest()
    return hmac.new(prk, label.encode() + b'\0' + name.encode() + b'\1', hashlib.sha256).digest()[:length]


def aes_cbc_open(key, data):
    context = ctypes.c_void_p(CRYPTO.EVP_CIPHER_CTX_new())
    out, length = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int()
    CRYPTO.EVP_DecryptInit_ex(context, ctypes.c_void_p(CRYPTO.EVP_aes_128_cbc()), None, key, bytes(16))
    CRYPTO.EVP_CIPHER_CTX_set_padding(context, 0)
    good = CRYPTO.EVP_DecryptUpdate(context, out, ctypes.byref(length), data, len(data))
    CRYPTO.EVP_CIPHER_CTX_free(context)
    assert good == 1 and length.value == len(data), 'AES-CBC'
    return out.raw[:len(data)]


def aes_cmac(key, data):
    context = ctypes.c_void_p(CRYPTO.CMAC_CTX_new())
    out, length = ctypes.create_string_buffer(16), ctypes.c_size_t(16)
    good = (CRYPTO.CMAC_Init(context, key, ctypes.c_size_t(16), ctypes.c_void_p(CRYPTO.EVP_aes_128_cbc()), None) == 1
            and CRYPTO.CMAC_Update(context, data, ctypes.c_size_t(len(data))) == 1
            and CRYPTO.CMAC_Final(context, out, ctypes.byref(length)) == 1)
    CRYPTO.CMAC_CTX_free(context)
    assert good, 'CMAC'
    return out.raw


def open_packet(keys, packet):
    """Find the card whose keys fit.  keys: EID -> (KIc, KID).  Returns None when there is none."""
    length, header_length = struct.unpack_from('>HB', packet)
    if length + 2 != len(packet) or header_length < 21 or len(packet) < 26 or len(packet[10:]) % 16:
        return None
    head, secured = packet[:10], packet[10:]
    for eid, (kic, kid) in keys.items():
        clear = aes_cbc_open(kic, secured)
        if aes_cmac(kid, head + clear[:6] + clear[14:])[:8] == clear[6:14]:
            return Opened(eid, int.from_bytes(clear[:5], 'big'), packet[7:10].hex())
    return None


def streams(path):
    """Octets of each connection to the service centre, in order of the connections."""
    data = path.read_bytes()
    at, found = 24, []
    running = {}
    while at + 16 <= len(data):
        length = struct.unpack_from('>8xI', data, at)[0]
        packet = data[at + 16:at + 16 + length]
        at += 16 + length
        if len(packet) < length:
            break
        source, flags = struct.unpack_from('>20xH11xB', packet)
        if source == SMPP_PORT:
            continue
        if flags & 2 or source not in running:   # SYN
            running[source] = bytearray()
            found.append(running[source])
        running[source] += packet[40:]
    return found


def submits(stream):
    """Destination and user data of each submit_sm."""
    at = 0
    while at + 16 <= len(stream):
        length, command = struct.unpack_from('>II', stream, at)
        if length < 16 or at + length > len(stream):
            return
        if command == SUBMIT_SM:
            body = bytes(stream[at + 16:at + length])
            fields = re.match(rb'[^\0]*\0..[^\0]*\0..([^\0]*)\0...[^\0]*\0[^\0]*\0....(.)', body, re.S)
            yield fields.group(1).decode(), body[fields.end():fields.end() + fields.group(2)[0]]
        at += length


class Reassembly:
    """Copies of a part have its octets; another part with its number begins a new message."""

    def __init__(self):
        self.waiting = {}

    def take(self, dest, data):
        """Returns a whole packet, or None."""
        header, body = data[1:1 + data[0]], data[1 + data[0]:]
        elements = {}
        while len(header) >= 2:
            elements[header[0]] = header[2:2 + header[1]]
            header = header[2 + header[1]:]
        if 0 not in elements:
            return Packet(dest, body)
        ref, total, number = elements[0]
        parts = self.waiting.setdefault((dest, ref, total), {})
        if parts.get(number, body) != body:
            parts.clear()
        parts[number] = body
        if len(parts) < total:
            return None
        del self.waiting[dest, ref, total]
        return Packet(dest, b''.join(parts[i] for i in range(1, total + 1)))


def packets(paths):
    """All command packets of these captures, each as often as it went out."""
    whole, reassembly = [], Reassembly()
    for path in paths:
        for stream in streams(path):
            for dest, data in submits(stream):
                packet = reassembly.take(dest, data)
                if packet:
                    whole.append(packet)
    return whole
