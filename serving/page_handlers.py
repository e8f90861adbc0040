"""What the web page does when a button is pressed: it speaks, and draws what was said."""

import asyncio
import html
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import gradio

from ..generation_tts_trm import default_generation_config
from ..speaking.subtitles import write_times
from ..speaking.voice import Passage, join, write_audio
from .speech_queue import QueueFullError, SpeechQueue

# To blend with.
NOBODY = "nobody"
# Of one text: drawing a sentence takes longer than speaking it.
MAX_PICTURES = 6
PROGRESS = gradio.Progress()


def defaults(voice: Any) -> tuple[float, float | None]:
    """Temperature and sharpness that `generate` would take; without a latent head there is no sharpness."""
    settings, ours = voice.model.generation_config, default_generation_config(voice.model.config)
    latent = voice.model.config.predicts_latents
    temperature = 0.0 if latent or not settings.do_sample else settings.temperature or ours.temperature
    return temperature, getattr(settings, "sharpness", ours.sharpness) if latent else None


async def speak(
    queue: SpeechQueue,
    text: str,
    speaker: str,
    partner: str,
    share: float,
    speed: float,
    sharpness: float | None,
    temperature: float,
    seed: int | None,
    progress: Any = PROGRESS,
) -> AsyncIterator[tuple]:
    """Audio, words with their times, and subtitles.

    Raises:
        gradio.Error: if it cannot be spoken, for the user to read.
    """
    passages: list[Passage] = []
    settings = describe(speaker, partner, share, speed, sharpness, temperature, seed)
    try:
        async with aclosing(queue.speak(text, **settings)) as stream:
            async for passage in stream:
                passages.append(passage)
                if passage.words:
                    done = passage.words[-1].text_end / len(text)
                    progress(done, desc=f"{passage.start + passage.seconds:.0f} s spoken")
                # Here Gradio stops if the page was closed.
                yield gradio.skip(), gradio.skip(), gradio.skip()
    except (QueueFullError, ValueError) as error:
        # the text that it may quote must not become markup
        raise gradio.Error(html.escape(str(error), quote=False), title="Not spoken", print_exception=False) from error
    speech = join(passages)
    times = [[round(word.start, 3), round(word.end, 3), word.text_start, word.text_end] for word in speech.words]
    with tempfile.TemporaryDirectory() as folder:
        wav, srt = Path(folder, "speech.wav"), Path(folder, "speech.srt")
        await asyncio.to_thread(write_audio, passages, wav)
        write_times(speech, srt)
        subtitles = gradio.DownloadButton(value=str(srt), visible=bool(times))
        # Taken from the folder before it goes.
        yield str(wav), {"text": text, "words": times}, subtitles


async def draw(queue: SpeechQueue, text: str, *settings) -> AsyncIterator[list[str]]:
    """Pictures of the first sentences, one more at a time; none if the speech cannot be made."""
    pictures: list[str] = []
    yield pictures
    with tempfile.TemporaryDirectory() as folder, suppress(QueueFullError, ValueError):
        async with aclosing(queue.speak(text, **describe(*settings))) as stream:
            async for passage in stream:
                if passage.speech:
                    pictures.append(str(Path(folder, f"sentence_{len(pictures) + 1}.png")))
                    await queue.run(passage.speech.draw, pictures[-1])
                    yield list(pictures)
                if len(pictures) == MAX_PICTURES:
                    break


def describe(
    speaker: str,
    partner: str,
    share: float,
    speed: float,
    sharpness: float | None,
    temperature: float,
    seed: int | None,
) -> dict:
    """The page's settings as arguments of [`SpeechQueue.speak`]."""
    if partner not in (NOBODY, speaker):
        speaker = f"{speaker}:{1 - share},{partner}:{share}"
    settings = {"speaker": speaker, "speed": speed, "temperature": temperature, "seed": 42 if seed is None else seed}
    return settings | ({} if sharpness is None else {"sharpness": sharpness})
