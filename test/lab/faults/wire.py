"""Hands Ethernet frames between two network cards and whoever started this: LENGTH SIDE FRAME on stdin and stdout."""

import os
import selectors
import socket
import struct
import sys

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3
# A frame may be a large one that a card would have cut up, with its checksum still to be made: the header says so.
LARGEST = 70_000


def opened(card):
    held = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    held.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    held.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    held.bind((card, ETH_P_ALL))
    return held


cards = [opened(card) for card in sys.argv[1:3]]
waiting = selectors.DefaultSelector()
for side, card in enumerate(cards):
    waiting.register(card, selectors.EVENT_READ, side)
waiting.register(0, selectors.EVENT_READ, None)
os.write(1, struct.pack("!IB", 0, 0))
rest = b""
while True:
    for key, _ in waiting.select():
        if key.data is not None:
            frame = cards[key.data].recv(LARGEST)
            sys.stdout.buffer.write(struct.pack("!IB", len(frame), key.data) + frame)
            sys.stdout.buffer.flush()
            continue
        piece = os.read(0, 1 << 20)
        if not piece:
            sys.exit(0)
        rest += piece
        while len(rest) >= 5:
            length, side = struct.unpack("!IB", rest[:5])
            if len(rest) < 5 + length:
                break
            frame, rest = rest[5 : 5 + length], rest[5 + length :]
            try:
                cards[side].send(frame)
            except OSError:
                pass  # a card that is down, or full, loses what is sent to it
