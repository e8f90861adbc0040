"""The web page: text in, audio out, with the words lit up as they are heard, and pictures of what was said.

What happens when a button is pressed is in `page_handlers.py`; `page.js` and `page.css` run in the browser.
"""

import functools
import hmac
import json
import os
import shlex
from pathlib import Path

# Before the import of gradio, which reads it once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio
from fastapi import FastAPI

from .page_handlers import NOBODY, defaults, draw, speak
from .speech_queue import SpeechQueue

FOLDER = Path(__file__).parent
# Whose state is kept.
SESSIONS = 64
# Seconds that files can be fetched after they were made.
KEPT = 600
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
    """A command to copy, safely quoted: the names may come from another person's voice."""
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
        css=(FOLDER / "page.css").read_text(encoding="utf-8"),
    )


def build_page(queue: SpeechQueue, model_id: str) -> gradio.Blocks:
    speakers, languages = queue.voice.text_front_end.speakers, queue.voice.text_front_end.languages
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
                settings = add_settings(speakers, *defaults(queue.voice))
                with gradio.Row():
                    stop = gradio.Button("Stop", min_width=80, scale=1)
                    button = gradio.Button("Speak", variant="primary", min_width=120, scale=3, elem_id="speak")
                add_examples(text, settings[0], speakers, languages)
            with gradio.Column(min_width=300):
                audio, words, subtitles, pictures = add_results()
        with gradio.Accordion("Use it from a program", open=False):
            gradio.Markdown(describe_endpoint(model_id, speakers[0]))

        speaking = gradio.on(
            [button.click, text.submit],
            functools.partial(speak, queue),
            [text, *settings],
            [audio, words, subtitles],
            concurrency_limit=queue.max_requests,
            show_progress_on=words,
            api_name="speak",
        )
        # Speaks again, which takes little time compared with drawing, so that the audio need not wait.
        drawing = speaking.success(
            functools.partial(draw, queue),
            [text, *settings],
            pictures,
            concurrency_limit=queue.max_requests,
            trigger_mode="always_last",
            show_progress="hidden",
            api_name="draw",
        )
        stop.click(None, cancels=[speaking, drawing])
    return page


def add_settings(
    speakers: list[str], temperature: float, sharpness: float | None
) -> tuple[gradio.components.Component, ...]:
    """Voice, partner and share of a blend, speed, sharpness, temperature and seed, as `speak` takes them."""
    with gradio.Row():
        speaker = gradio.Dropdown(speakers, value=speakers[0], label="Voice", min_width=120, elem_id="voice")
        speed = gradio.Slider(0.5, 2.0, 1.0, step=0.05, label="Speed", min_width=120)
    with gradio.Accordion("More settings", open=False):
        with gradio.Row(visible=len(speakers) > 1):
            partner = gradio.Dropdown([NOBODY, *speakers], value=NOBODY, label="Blend with", min_width=120)
            share = gradio.Slider(0.0, 1.0, 0.5, step=0.05, label="Share of that voice", min_width=120)
        sharpening = gradio.Slider(
            0.0,
            1.0,
            sharpness,
            step=0.05,
            label="Sharpness",
            info="0 is the mean of all plausible speech; 1 varies as much as recordings do.",
            visible=sharpness is not None,
        )
        with gradio.Row():
            sampling = gradio.Slider(
                0.0,
                1.5,
                temperature,
                step=0.05,
                label="Temperature",
                info="At 0 nothing is random, and the seed has no effect.",
                min_width=120,
            )
            seed = gradio.Number(
                42, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, min_width=120, elem_id="seed"
            )
    return speaker, partner, share, speed, sharpening, sampling, seed


def add_results() -> tuple[gradio.components.Component, ...]:
    """The player, the words that light up, the subtitles and the pictures."""
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
        js_on_load=(FOLDER / "page.js").read_text(encoding="utf-8"),
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
    return audio, words, subtitles, pictures


def add_examples(text: gradio.Textbox, speaker: gradio.Dropdown, speakers: list[str], languages: list[str]) -> None:
    """A button for each example in a language that a speaker has."""
    known = [language for language in EXAMPLES if language in languages]
    rows = [[example, speakers[languages.index(each)]] for each in known for example in EXAMPLES[each].values()]
    if rows:
        labels = [label for language in known for label in EXAMPLES[language]]
        gradio.Examples(rows, [text, speaker], label="Examples", example_labels=labels, cache_examples=False)
