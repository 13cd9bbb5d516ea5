"""The ports that transfers may have, where a firewall wants to know them."""

import errno
import random
import socket
from collections import deque
from collections.abc import Callable

from bootsrv.tftp.sockets import Address


class PortRange:
    """The ports from `first` to `last`. The one that is free for longest is taken: a late packet of the transfer that
    had it before should meet nobody.
    """

    def __init__(self, first: int, last: int) -> None:
        ports = list(range(first, last + 1))
        random.shuffle(ports)  # which one comes next is none of a stranger's business
        self._free = deque(ports)

    def __len__(self) -> int:
        return len(self._free)

    def take(self, local: Address, bind: Callable[[Address], socket.socket]) -> socket.socket:
        """A socket that `bind` made, on a free port of the address `local`; give the port back when it is closed.

        Raises:
            OSError: none is free, or it cannot be bound for another reason.
        """
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                return bind((local[0], port, *local[2:]))
            except OSError as error:
                self._free.append(port)
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, "no port of tftp.ports is free")

    def give_back(self, port: int) -> None:
        """It is free again."""
        self._free.append(port)
