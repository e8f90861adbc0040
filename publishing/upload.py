"""Voices on the Hub: one commit holds code, weights, processor, codec, card and samples, or nothing of it."""

import json
import logging
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard, get_session
from huggingface_hub.utils import filter_repo_objects, httpx

from ..errors_tts_trm import TtsTrmError
from ..speaking.voice import Voice
from ..training.checkpoints import MANIFEST, STATE_FOLDER
from .model_card import published_card

logger = logging.getLogger(__name__)

CARD, SAMPLE_FOLDER = "README.md", "samples"
# Of a checkpoint's files. A private key in the same folder is not uploaded.
PUBLISHED = ["*.py", "*.json", "*.safetensors", "*.md", "LICENSE*"]
KEPT_BACK = [f"{STATE_FOLDER}/*", MANIFEST, ".*", "*/.*"]
# written by every upload: what an earlier one has left of these, and this one has not, is deleted in the same commit
REPLACED = ["*_tts_trm*.py", "*.safetensors*", "codec/*", f"{SAMPLE_FOLDER}/*"]
# Seconds between attempts, of which there is one more.
WAITS = (2, 8, 30)
# Seconds without an answer; the client by itself would wait for ever.
TIME_LIMIT = 60.0
# Temporary statuses, in addition to 5xx.
PASSING = {408, 409, 412, 429}


class PublishingError(TtsTrmError, RuntimeError):
    """An upload that did not arrive; the message names the repository, the reason and the fix."""


def push_voice(folder: str | Path, repo: str, message: str, private: bool | None = None) -> CommitInfo:
    """Uploads a checkpoint, without its training state, as one commit; the repository is made where there is none.

    Whatever fails, the repository is as it was, or holds all of the new revision: a commit names the one it is based
    on, and is refused where another has come between. What may pass (no answer, 5xx, a commit of somebody else) is
    tried again up to `len(WAITS)` times from the start; files that have arrived are not sent again, and an upload
    that has arrived while its answer was lost is recognised.

    Args:
        repo: `name` or `owner/name`.
        private: whether a new repository is private; the owner's default otherwise.

    Raises:
        PublishingError: if the folder is no checkpoint, or the Hub does not take it.
    """
    folder = Path(folder)
    names = list(
        filter_repo_objects(
            sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()),
            allow_patterns=PUBLISHED,
            ignore_patterns=KEPT_BACK,
        )
    )
    if missing := {"config.json", "model.safetensors", "processor_config.json", CARD} - set(names):
        raise PublishingError(f"{folder}: has no {min(missing)}; give a checkpoint folder of a training run.")
    card = (folder / CARD).read_text(encoding="utf-8")
    with TemporaryDirectory() as spoken:
        samples = speak_examples(folder, card, Path(spoken))
        files = {name: folder / name for name in names if name != CARD}
        files |= {path: Path(spoken) / Path(path).name for path in samples.values()}
        for wait in (*WAITS, None):
            try:
                return _attempt(repo, message, private, files, card, samples)
            except Exception as error:
                # No network, no rights, no space: each a class of its own.
                if wait is None or not may_pass(error):
                    raise PublishingError(f"{folder}: was not uploaded to {repo} ({reason(error)}).") from error
                logger.warning("Uploading to %s: %s. Trying again in %d s.", repo, reason(error), wait)
                time.sleep(wait)


def _attempt(repo: str, message: str, private: bool | None, files: dict, card: str, samples: dict) -> CommitInfo:
    """One upload of all `files` by their path in the repository, which is read afresh: it may have changed."""
    get_session().timeout = TIME_LIMIT
    api = HfApi()
    name = api.create_repo(repo, private=private, exist_ok=True).repo_id
    head = api.model_info(name)
    published = published_card(card, name, samples)
    # new objects, for they remember what the Hub had
    operations = [CommitOperationAdd(path, str(source)) for path, source in files.items()]
    operations.append(CommitOperationAdd(CARD, published.encode()))
    earlier = (sibling.rfilename for sibling in head.siblings or [])
    stale = set(filter_repo_objects(earlier, allow_patterns=REPLACED)) - files.keys()
    operations += [CommitOperationDelete(path) for path in sorted(stale)]
    # not `upload_folder`: since huggingface_hub 2 it may split an upload into several commits
    return api.create_commit(name, operations, commit_message=message, parent_commit=head.sha)


def may_pass(error: BaseException) -> bool:
    """Whether another attempt might succeed: the Hub or the way to it failed, not the request."""
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            return status in PASSING or status >= 500
        # The latter: half an answer.
        if isinstance(cause, (httpx.TransportError, json.JSONDecodeError)):
            return True
        cause = cause.__cause__
    return False


def reason(error: BaseException) -> str:
    """What went wrong, in a line without anything secret, and what to do about it."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    answered = (cause for cause in causes if getattr(cause, "response", None) is not None)
    # The Hub's own words, where it had some.
    told = next(answered, error)
    text = str(error) if told is error else f"{error} {told}"
    text = re.sub(r"For more information check: \S+", "", " ".join(text.split()))
    text = without_secrets(text)[:300].strip(" .")
    refused = getattr(getattr(told, "response", None), "status_code", None) in (401, 403)
    advice = "; log in with `hf auth login`, or set HF_TOKEN to a token that may write there" if refused else ""
    return f"{type(told).__name__}: {text}{advice}"


def without_secrets(text: str) -> str:
    """What a library says, but for tokens, passwords, and the signatures of addresses, which are as good as these."""
    text = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1", text)
    text = re.sub(r"(https?://)[^/\s@]+@", r"\1", text)
    return re.sub(r"(?i)\bhf_\w+|(?<=bearer )[^\s'\"]+|(?<=basic )[^\s'\"]+", "***", text)


def speak_examples(folder: Path, card: str, target: Path) -> dict[str, str]:
    """Speaks the examples of the card's `widget` into WAV files in `target`.

    Returns:
        The path in the repository of each that could be spoken, by its title, which names the speaker.
    """
    samples: dict[str, str] = {}
    examples = ModelCard(card).data.get("widget") or []
    if not examples:
        return samples
    try:
        # on the CPU, and with its own random numbers: a training run continues as if nothing had been spoken
        with torch.random.fork_rng(devices=[]):
            voice = Voice.from_pretrained(folder, device="cpu")
            for number, example in enumerate(examples, 1):
                speaker = example["example_title"]
                path = f"{SAMPLE_FOLDER}/{number}_{re.sub(r'[^A-Za-z0-9-]+', '_', speaker)}.wav"
                speech = voice.synthesize(example["text"], speaker)
                voice.processor.save_audio(speech.waveform, target / Path(path).name)
                samples[speaker] = path
    except Exception as error:
        # Of a voice of a few steps, or a card of somebody else's making.
        logger.warning("%s: published without all of its samples (%s).", folder, reason(error))
    return samples


def push_checkpoint(folder: str | Path, repo: str | None, message: str) -> bool:
    """Uploads a checkpoint as `push_voice` does, and never ends a run.

    Returns:
        Whether it arrived. A failure is logged with its reason and the way to try again, and nothing is raised.
    """
    try:
        if repo is None:
            return False
        push_voice(folder, repo, message)
        return True
    except Exception as error:
        # The voice is safe on disk in any case.
        again = f"python scripts/push_to_hub.py --model {folder} --repo {repo}"
        logger.warning("%s The run continues. Try again with: %s", without_secrets(str(error)), again)
        return False
