"""A client of bare sockets, to be run in a network namespace: sends datagrams and prints what comes back.

`python dhcp_client.py FROM_ADDRESS:PORT TO_ADDRESS:PORT SECONDS HEX...`; each answer is a line `ADDRESS PORT HEX`. It
ends when it has had an answer to each, or after so many seconds of silence.
"""

import socket
import sys
import time


def main() -> None:
    (own, own_port), (to, to_port) = (each.rsplit(":", 1) for each in sys.argv[1:3])
    patience, datagrams = float(sys.argv[3]), sys.argv[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"br0\0")
        client.bind((own, int(own_port)))
        for datagram in datagrams:
            client.sendto(bytes.fromhex(datagram), (to, int(to_port)))
        deadline = time.monotonic() + patience
        for _ in datagrams:
            client.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                answer, (host, port) = client.recvfrom(4096)
            except TimeoutError:
                break
            print(host, port, answer.hex(), flush=True)
    print("end", flush=True)


if __name__ == "__main__":
    main()
