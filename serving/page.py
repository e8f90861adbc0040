"""The web page: text in, audio out, with the words lit up as they are heard, and pictures of what was said."""

import asyncio
import functools
import hmac
import html
import json
import os
import shlex
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

# Before the import of gradio, which reads it once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from typing import Any

import gradio
from fastapi import FastAPI

from ..generation_tts_trm import default_generation_config
from ..speaking.subtitles import write_times
from ..speaking.voice import Passage, join, write_audio
from .browser import STYLE, WORDS_SCRIPT
from .speech_queue import QueueFullError, SpeechQueue

NOBODY = "nobody"  # to blend with
# Of one text: drawing a sentence takes longer than speaking it.
MAX_PICTURES = 6
# Whose state is kept.
SESSIONS = 64
# Seconds that files can be fetched after they were made.
KEPT = 600
PROGRESS = gradio.Progress()
# By language: what to call it, and the text.
EXAMPLES = {
    "en": {
        "The weather": "The weather is nice today, and the birds are singing.",
        "Times, money, a pause": "Dr. Miller left at 9:30 and paid $4.50. [pause 500ms] Nobody saw him again.",
        "A longer text": (
            "A very small model reads this text aloud. It has never seen any of it before, and it needs no more than a "
            "fraction of a second for each sentence.\n\nAn empty line ends a paragraph, which is why there was a pause."
        ),
    },
    "de": {
        "Das Wetter": "Guten Morgen, heute scheint die Sonne.",
        "Uhrzeit und Preis": "Der Zug fährt um 17:45 Uhr ab und kostet 12,50 €. Bitte steigen Sie ein!",
    },
    "fr": {"L'heure et le prix": "Le train part à 17h45 et coûte 12,50 €. Montez, s'il vous plaît !"},
    "es": {"Hora y precio": "El tren sale a las 17:45 y cuesta 12,50 €. ¡Suban, por favor!"},
    "it": {"Ora e prezzo": "Il treno parte alle 17:45 e costa 12,50 €. Salite, per favore!"},
    "pt": {"Hora e preço": "O trem sai às 17h45 e custa R$ 12,50. Subam, por favor!"},
}
TITLE = """# TTS TRM

A tiny recursive model that reads text aloud, many times faster than real time on one CPU core."""
ENDPOINT = """Any OpenAI client speaks with this server; `$PAGE` is the address of this page:

```bash
curl $PAGE/v1/audio/speech -H "Content-Type: application/json" \\
  -d {body} --output hello.wav
```"""


def describe_endpoint(model_id: str, speaker: str) -> str:
    """A command to copy, whatever the names are: they may be those of somebody else's voice."""
    body = {"model": model_id, "voice": speaker, "input": "Hello!", "response_format": "wav"}
    return ENDPOINT.format(body=shlex.quote(json.dumps(body, ensure_ascii=False)))


def mount_page(api: FastAPI, queue: SpeechQueue, model_id: str, files: Path, api_key: str | None = None) -> FastAPI:
    """The page at `/` of the endpoint's application.

    Args:
        files: folder for the audio and pictures of the last ten minutes.
        api_key: password of the page, for any user name; None lets everybody in.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(files)
    page = build_page(queue, model_id).queue(max_size=queue.max_requests)
    # Gradio keeps 10000 of about 90 KB; ours hold nothing that must last.
    page.state_session_capacity = SESSIONS

    def check_password(user: str, password: str) -> bool:
        return hmac.compare_digest(password.encode(), (api_key or "").encode())

    return gradio.mount_gradio_app(
        api,
        page,
        path="/",
        auth=check_password if api_key else None,
        # Of a bug; `gradio.Error` is shown.
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=gradio.themes.Default(
            primary_hue="teal", secondary_hue="teal", neutral_hue="slate", font=["system-ui", "sans-serif"]
        ),
        css=STYLE,
    )


def build_page(queue: SpeechQueue, model_id: str) -> gradio.Blocks:
    speakers, languages = queue.voice.text_front_end.speakers, queue.voice.text_front_end.languages
    temperature, sharpness = defaults(queue.voice)
    with gradio.Blocks(title="TTS TRM", analytics_enabled=False, delete_cache=(60, KEPT)) as page:
        gradio.Markdown(TITLE)
        with gradio.Row():
            with gradio.Column(min_width=300):
                text = gradio.Textbox(
                    label="Text",
                    info="An empty line ends a paragraph; [pause 500ms] is silence.",
                    placeholder="What shall I say?",
                    lines=5,
                    max_lines=14,
                    max_length=queue.max_characters,
                    autofocus=True,
                    elem_id="text",
                )
                with gradio.Row():
                    speaker = gradio.Dropdown(
                        speakers, value=speakers[0], label="Voice", min_width=120, elem_id="voice"
                    )
                    speed = gradio.Slider(0.5, 2.0, 1.0, step=0.05, label="Speed", min_width=120)
                with gradio.Accordion("More settings", open=False):
                    with gradio.Row(visible=len(speakers) > 1):
                        partner = gradio.Dropdown([NOBODY, *speakers], value=NOBODY, label="Blend with", min_width=120)
                        share = gradio.Slider(0.0, 1.0, 0.5, step=0.05, label="Share of that voice", min_width=120)
                    sharpness = gradio.Slider(
                        0.0,
                        1.0,
                        sharpness,
                        step=0.05,
                        label="Sharpness",
                        info="0 is the mean of what could be said; 1 varies as much as recordings do.",
                        visible=sharpness is not None,
                    )
                    with gradio.Row():
                        temperature = gradio.Slider(
                            0.0,
                            1.5,
                            temperature,
                            step=0.05,
                            label="Temperature",
                            info="At 0 nothing is left to chance, and the seed has no effect.",
                            min_width=120,
                        )
                        seed = gradio.Number(
                            42, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, min_width=120, elem_id="seed"
                        )
                with gradio.Row():
                    stop = gradio.Button("Stop", min_width=80, scale=1)
                    button = gradio.Button("Speak", variant="primary", min_width=120, scale=3, elem_id="speak")
                add_examples(text, speaker, speakers, languages)
            with gradio.Column(min_width=300):
                audio = gradio.Audio(
                    label="Speech",
                    interactive=False,
                    autoplay=True,
                    buttons=["download"],
                    waveform_options=gradio.WaveformOptions(show_recording_waveform=False),
                    elem_id="audio",
                )
                words = gradio.HTML(
                    html_template='<p class="words" aria-live="polite"></p>',
                    js_on_load=WORDS_SCRIPT,
                    elem_id="words",
                    container=True,
                    padding=True,
                    label="Words",
                    show_label=True,
                    min_height=90,
                )
                subtitles = gradio.DownloadButton("Subtitles (SRT)", visible=False, size="sm", elem_id="subtitles")
                pictures = gradio.Gallery(
                    label="Spectrogram and alignment",
                    columns=1,
                    height="auto",
                    object_fit="contain",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    elem_id="pictures",
                )
        with gradio.Accordion("Use it from a program", open=False):
            gradio.Markdown(describe_endpoint(model_id, speakers[0]))

        inputs = [text, speaker, partner, share, speed, sharpness, temperature, seed]
        speaking = gradio.on(
            [button.click, text.submit],
            functools.partial(speak, queue),
            inputs,
            [audio, words, subtitles],
            concurrency_limit=queue.max_requests,
            show_progress_on=words,
            api_name="speak",
        )
        # afterwards, and from the same speech made again, which takes a small part of the time that drawing it takes
        drawing = speaking.success(
            functools.partial(draw, queue),
            inputs,
            pictures,
            concurrency_limit=queue.max_requests,
            trigger_mode="always_last",
            show_progress="hidden",
            api_name="draw",
        )
        stop.click(None, cancels=[speaking, drawing])
    return page


def add_examples(text: gradio.Textbox, speaker: gradio.Dropdown, speakers: list[str], languages: list[str]) -> None:
    """A button for each example in a language that somebody speaks."""
    known = [language for language in EXAMPLES if language in languages]
    rows = [[example, speakers[languages.index(each)]] for each in known for example in EXAMPLES[each].values()]
    if rows:
        labels = [label for language in known for label in EXAMPLES[language]]
        gradio.Examples(rows, [text, speaker], label="Examples", example_labels=labels, cache_examples=False)


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
    """The settings of the page as those of [`SpeechQueue.speak`]."""
    if partner not in (NOBODY, speaker):
        speaker = f"{speaker}:{1 - share},{partner}:{share}"
    settings = {"speaker": speaker, "speed": speed, "temperature": temperature, "seed": 42 if seed is None else seed}
    return settings | ({} if sharpness is None else {"sharpness": sharpness})
