"""The speed of a simulated rack: 1 is human, 10 is ten times as fast."""

import asyncio


class Pace:
    """Turns simulated seconds into real ones."""

    def __init__(self, speed: float = 1.0) -> None:
        """`speed` is a positive factor."""
        self.speed = speed

    def real(self, seconds: float) -> float:
        """How long simulated seconds really last."""
        return seconds / self.speed

    async def pause(self, seconds: float) -> None:
        """Let so many simulated seconds pass."""
        await asyncio.sleep(self.real(seconds))
