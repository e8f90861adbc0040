"""Model cards, and uploads to the Hub in one commit that never end a run."""

import logging
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, ModelCardData

from ..processing_tts_trm import CODEC_FOLDER
from .checkpoint import MANIFEST, STATE_FOLDER

logger = logging.getLogger(__name__)

USAGE = """```python
from transformers import AutoModel, AutoProcessor

model = AutoModel.from_pretrained("{repo}", trust_remote_code=True)
processor = AutoProcessor.from_pretrained("{repo}", trust_remote_code=True)
inputs = processor(text="Hello, how are you?", speaker="{speaker}")
audio = processor.decode(model.generate(**inputs))[0]
processor.save_audio(audio, "hello.wav")
```"""


def write_model_card(
    folder: str | Path, model, processor, metrics: dict[str, float], repo: str | None = None, notes=""
):
    """Writes `README.md` of a checkpoint: how to use it, sizes, speakers, held-out measures.

    Args:
        metrics: name and value of each measure on held-out sentences.
        notes: Markdown on data, licence and training, where known.
    """
    trained = sum(p.numel() for p in model.parameters())
    data = ModelCardData(
        library_name="transformers", pipeline_tag="text-to-speech", license="apache-2.0", tags=["tts_trm", "mimi"]
    )
    config = model.config
    codec = CODEC_FOLDER if Path(processor.codec).is_dir() else processor.codec  # a folder travels with the checkpoint
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics.items())
    lines = [
        f"---\n{data.to_yaml()}\n---\n",
        "# TTS TRM voice\n",
        f"Text and a speaker to all {config.num_codebooks} codebooks of speech by a tiny recursive model: {trained:,} "
        f"trained parameters, {config.h_cycles} x {config.l_cycles} cycles of {config.l_layers} blocks, width "
        f"{config.audio_embed_dim}.\n",
        f"Speakers: {', '.join(processor.speakers)}. Codec: `{codec}`.\n",
        USAGE.format(repo=repo or "this/repository", speaker=processor.speakers[0]) + "\n",
    ]
    if notes:
        lines.append(notes.strip() + "\n")
    if rows:
        lines.append(f"| measure on held-out sentences | value |\n|---|---|\n{rows}\n")
    ModelCard("\n".join(lines)).save(Path(folder) / "README.md")


def push_checkpoint(folder: str | Path, repo: str, message: str) -> bool:
    """Uploads a checkpoint (code, weights, processor, card; not the training state) in one commit.

    Returns:
        Whether it arrived. A failure is logged with its reason and the way to try again, and nothing is raised.
    """
    try:
        api = HfApi()
        repo_id = api.create_repo(repo, exist_ok=True).repo_id
        api.upload_folder(
            repo_id=repo_id,
            folder_path=str(folder),
            commit_message=message,
            ignore_patterns=[f"{STATE_FOLDER}/*", MANIFEST],
        )
        return True
    except Exception as error:  # no network, no rights, no space: the voice is safe on disk in any case
        logger.warning(
            "%s was not uploaded to %s (%s: %s). Try again with: hf upload %s %s --exclude '%s/*'",
            folder, repo, type(error).__name__, " ".join(str(error).splitlines()[:1]), repo, folder, STATE_FOLDER,
        )  # fmt: skip
        return False
