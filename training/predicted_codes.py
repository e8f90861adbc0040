"""What a voice predicts for the clips that it was trained on, for the codec's decoder to learn from.

A prediction is smoother than a recording, and a decoder that has only seen recordings makes a dull sound of it. Trained
on predictions as well, spoken in the recording's own timing, it learns to fill in what they lack (the fine-tuning on
"ground-truth aligned" features of Kong et al. 2020, arXiv:2010.05646, section 4.4).
"""

from pathlib import Path

import numpy as np
import torch

from ..data.batching import BucketBatchSampler, Collator
from ..data.dataset import prepare_split
from ..data.token_folder import load_tokens
from ..errors_tts_trm import InputError
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import TtsTrmProcessor

FRAMES_PER_BATCH = 4000


@torch.no_grad()
def predicted_codes(voice: str | Path, token_dir: str | Path, device: torch.device) -> dict[str, np.ndarray]:
    """Codes `[T, K]` int16 by the name of the clip, T its own frames, of the clips of `token_dir` to train on.

    They are what `generate` would choose, with the voice's own sharpness. Dropout stays on: on clips that it knows, the
    predictions of the voice are then as blurred as on new text.

    Raises:
        ValueError: if the head of the voice predicts no latents.
    """
    processor = TtsTrmProcessor.from_pretrained(voice)
    model = TtsTrmModel.from_pretrained(voice, dtype=torch.float32).to(device).train()
    if not model.config.predicts_latents:
        raise InputError(f"{voice}: its head is {model.config.codebook_head!r}; only the latent head predicts latents.")
    table, info = load_tokens(token_dir, processor.tokenizer)
    rows = prepare_split(
        table,
        processor,
        model.config.max_text_length,
        model.config.max_audio_frames,
        with_durations=True,
        frame_rate=info.frame_rate,
    )[0]
    collate = Collator(processor.tokenizer.pad_token_id, info.codebook_size, names=True)
    codes: dict[str, np.ndarray] = {}
    for indices in BucketBatchSampler(rows.lengths, 8, 0, FRAMES_PER_BATCH):
        batch = collate([rows[index] for index in indices])
        names = batch.pop("names")
        batch = {name: value.to(device) for name, value in batch.items()}
        answers, lengths = model(**batch).last_hidden_state, batch["label_lengths"]
        frames = answers[torch.arange(answers.shape[1], device=device) < lengths[:, None]]
        gain = model.head.gain(batch["speaker_id"], model.generation_config.sharpness)
        chosen = model.head.predict(frames, gain=gain, lengths=lengths).short().cpu()
        codes |= {name: clip.numpy() for name, clip in zip(names, chosen.split(lengths.tolist()), strict=True)}
    return codes
