"""One thread that computes speech, and the requests that take turns at it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..errors_tts_trm import InputError, TtsTrmError
from ..speaking.speech import LongTextVoice, Passage

T = TypeVar("T")

# Of the slowest speech; what is longer is made of pauses, or of numbers.
SECONDS_PER_CHARACTER = 0.3


class QueueFullError(TtsTrmError, RuntimeError):
    """As many requests are being spoken as the queue takes; the client should come again."""


class TextTooLongError(InputError):
    """The text has more characters, or its speech more seconds, than the server allows."""


class SpeechQueue:
    """A voice that many speak with at once, each as if alone.

    The requests that it has taken on get their sentences in turn, so a short one does not wait for the end of a long
    one. A request whose client has gone is closed, and no more of it is computed.

    Args:
        load: makes the voice. It is called in the computing thread: how a CPU treats numbers next to nothing is a
            setting of each thread, and [`Voice.from_pretrained`] makes it; so is the number of PyTorch's threads.
        max_requests: taken on at once; more are refused, not kept waiting.
        max_characters: of a text. It bounds the length of the speech as well, which pauses could stretch to hours.

    Raises:
        VoiceError: if the voice cannot be loaded.
    """

    def __init__(self, load: Callable[[], LongTextVoice], max_requests: int = 16, max_characters: int = 4096) -> None:
        self.max_requests, self.max_characters = max_requests, max_characters
        self.max_seconds = 60 + SECONDS_PER_CHARACTER * max_characters
        # Only ever touched in the event loop.
        self.requests = 0
        self._thread = ThreadPoolExecutor(1, "speech")
        try:
            self.voice = self._thread.submit(load).result()
        except BaseException:
            self._thread.shutdown()
            raise

    @property
    def max_body(self) -> int:
        """Bytes of a request's body: every character as a JSON escape of a surrogate pair, and the other fields."""
        return 12 * self.max_characters + 4096

    async def speak(self, text: str, speaker: str, **settings) -> AsyncGenerator[Passage]:
        """The passages of a text as [`Voice.stream`] makes them; close it (`contextlib.aclosing`) to stop early.

        Raises:
            TextTooLongError: for more than `max_characters`, or `max_seconds` of speech.
            QueueFullError: where `max_requests` are being spoken.
            ValueError: if the voice cannot speak the text; see [`Voice.stream`].
        """
        if len(text) > self.max_characters:
            raise TextTooLongError(f"The text has {len(text)} characters, over the limit of {self.max_characters}.")
        if self.requests >= self.max_requests:
            raise QueueFullError("The server is busy; please try again in a moment.")
        self.requests += 1
        try:
            passages = self.voice.stream(text, speaker, **settings)
            loop = asyncio.get_running_loop()
            while (passage := await loop.run_in_executor(self._thread, next, passages, None)) is not None:
                if passage.start + passage.seconds > self.max_seconds:
                    raise TextTooLongError(
                        f"The speech is longer than {self.max_seconds / 60:.0f} minutes; shorten it."
                    )
                yield passage
        finally:
            self.requests -= 1

    async def run(self, function: Callable[..., T], *arguments) -> T:
        """What a function returns that is called in turn with the sentences, such as one that draws."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
