"""The terminal, which may be at the far end of a bad link: nothing here ever waits for it.

Textual writes from a thread of its own, but waits for it once thirty writes have queued up. A link that stands still,
or a Ctrl+S, would so stop the one event loop there is, and with it the engine and the boot servers. Here, what a
terminal does not take is dropped, and the whole screen is painted anew when it takes something again.
"""

import asyncio
import contextlib
import queue

from textual.drivers.linux_driver import LinuxDriver

_LOOK_SECONDS = 0.2
_GOODBYE_SECONDS = 1.0
_END_OF_FRAME = "\x1b[?2026l"  # of the frame whose own end was dropped


class PatientDriver(LinuxDriver):
    """Textual's driver for Linux, but its output is never waited for."""

    _is_stalled = False
    _is_away = False  # another program has the terminal

    def write(self, data: str) -> None:
        """Have something written to the terminal, or drop it if the terminal stands still."""
        if self._is_stalled or self._is_away or self._writer_thread is None:
            return
        try:
            self._writer_thread._queue.put_nowait(data)
        except queue.Full:
            self._is_stalled = True
            self._loop.call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """See whether the terminal has taken all that was queued; what was dropped is painted anew."""
        if self._is_away:
            return
        if self._writer_thread is None or not self._writer_thread._queue.empty():
            self._loop.call_later(_LOOK_SECONDS, self._look)
            return
        self._is_stalled = False
        self.write(_END_OF_FRAME)
        if self._app.screen_stack:
            self._app.screen.refresh()

    def _sigcont_application(self, *_: object) -> None:
        """Take the terminal again, if it was given back: a process may be told to go on that never stood still."""
        if self._must_signal_resume:
            super()._sigcont_application()

    async def hush(self) -> None:
        """Wait until no key is read any more, without holding up the event loop as a suspension would."""
        if self._key_thread is not None:
            self.exit_event.set()
            await asyncio.to_thread(self._key_thread.join)
            self.exit_event.clear()

    def suspend_application_mode(self) -> None:
        """Leave the terminal to another program; what is painted meanwhile is dropped."""
        super().suspend_application_mode()
        self._is_away = True

    def resume_application_mode(self) -> None:
        """Take the terminal back; all of it is painted anew."""
        self._is_away = self._is_stalled = False
        super().resume_application_mode()

    def close(self) -> None:
        """Have the rest written; a terminal that does not take it is not waited for."""
        if self._writer_thread is not None:
            with contextlib.suppress(queue.Full):
                self._writer_thread._queue.put_nowait(None)
                self._writer_thread.join(_GOODBYE_SECONDS)
