"""From recordings to what a run trains on: tokens, the processor of their texts and speakers, durations."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import ConcatDataset

from ..data.aligner import MAX_CLIPS, AlignerTraining
from ..data.clips import DataError
from ..data.codec_info import CodecInfo, locate_codec
from ..data.dataset import AlignmentRows, rows_to_align
from ..data.recordings import has_texts
from ..data.sources import is_recordings, read_chosen
from ..data.token_folder import (
    TokenShards,
    aligner_path,
    has_durations,
    load_tokens,
    read_columns,
    tokenizer_hash,
    tokens_state,
    write_durations,
)
from ..data.tokenizing import tokenize_clips
from ..files import atomic_path
from ..processing_tts_trm import TtsTrmProcessor, load_codec
from ..text_tts_trm import normalize_text
from . import finetuning
from .options import TrainingOptions

DEFAULT_CODEC = "kyutai/mimi"


def wanted_codec(options: TrainingOptions) -> str | None:
    """The codec that `--codec` or the voice of `--from-pretrained` asks for, if any."""
    if options.codec is None and options.from_pretrained:
        return finetuning.codec_of(options.from_pretrained)
    return options.codec


def prepare_tokens(options: TrainingOptions, accelerator: Accelerator, say: Callable[[str], None]) -> CodecInfo:
    """Makes sure that `--token-dir` holds tokens of `--data-dir`, and of `--codec` where that is given."""
    wanted = wanted_codec(options)
    folders = [Path(name) for name in options.data_dir]
    clips = None
    # The others come when it is done.
    first = accelerator is None or accelerator.is_local_main_process
    if first and options.token_dir == folders[0] / "mimi_tokens" and all(map(has_texts, folders)):
        # Recordings may have been added since.
        clips = read_chosen(options)
    state = tokens_state(options.token_dir, clips)
    has_recordings = all(
        not is_recordings(name) or has_texts(Path(name)) or has_texts(Path(name) / options.split)
        for name in options.data_dir
    )
    if state != "ready" and not has_recordings:
        raise DataError(
            f"{options.token_dir} holds no complete tokens, and {options.data_dir} no metadata.csv to make them from."
        )
    if state != "ready":
        codec = wanted or (DEFAULT_CODEC if state == "absent" else CodecInfo.read(options.token_dir).codec)
        say(f"Tokenising {', '.join(options.data_dir)} with {codec} into {options.token_dir} ...")
        clips = clips or read_chosen(options)
        report = tokenize_clips(
            clips, codec, options.token_dir, num_workers=max(1, options.num_workers), strict=options.strict
        )
        say(str(report))
    info = CodecInfo.read(options.token_dir)
    if wanted:
        info.check_matches(load_codec(locate_codec(wanted)), wanted)
    return info


def speakers_of(info: CodecInfo) -> list[str]:
    """The speakers of the tokens."""
    return sorted({name for part in read_columns(info, ["speaker"]) for name in part["speaker"]})


def make_processor(options: TrainingOptions, info: CodecInfo) -> TtsTrmProcessor:
    """A processor for the characters and speakers of the tokens, with the tokens' codec.

    The pretrained voice's come first.
    """
    given = options.languages_by_speaker
    known_text, known_languages = "", dict[str, str]()
    if options.from_pretrained:
        known_text, known_languages = finetuning.alphabet_and_speakers(options.from_pretrained)
    # Speakers of the voice keep their languages, unless they are named.
    defaults = known_languages | given
    languages = {name: defaults.get(name, given[""]) for name in speakers_of(info)}
    texts: Iterable[str] = (
        normalize_text(text, languages[speaker]).text
        for part in read_columns(info, ["text", "speaker"])
        for text, speaker in zip(part["text"], part["speaker"], strict=True)
    )
    languages = known_languages | languages
    processor = TtsTrmProcessor.from_texts(
        chain([known_text], texts) if known_text else texts,
        list(languages),
        codec=locate_codec(wanted_codec(options) or info.codec),
        sampling_rate=info.sampling_rate,
        max_length=options.max_text_length,
        languages=list(languages.values()),
    )
    processor.codec_revision = info.revision
    return processor


def prepare_durations(options: TrainingOptions, processor: TtsTrmProcessor, say: Callable[[str], None]) -> None:
    """Aligns texts and audio, unless that has been done for this tokenizer; with `--streaming` shard by shard."""
    info = CodecInfo.read(options.token_dir)
    if options.streaming and has_durations(info, processor.tokenizer):
        # It may have been done with other limits of length: what has no durations is left out.
        return
    tables: Sequence = (
        TokenShards(info, processor.tokenizer)
        if options.streaming
        else [load_tokens(options.token_dir, processor.tokenizer)[0]]
    )

    def rows_of(index: int) -> AlignmentRows:
        return rows_to_align(tables[index], processor, options.max_text_length, options.max_audio_frames)

    # Rows that the aligner learns from, by table.
    learned = {}
    for index in torch.randperm(len(tables), generator=torch.Generator().manual_seed(options.seed)).tolist():
        learned[index] = rows_of(index)
        if sum(map(len, learned.values())) >= MAX_CLIPS:
            break
    count = sum(map(len, learned.values()))
    if not count:
        return
    sizes = info.codebooks(), info.codebook_chains, len(processor.tokenizer)
    training = AlignerTraining(ConcatDataset(list(learned.values())), *sizes, options.seed)
    goes_on = options.from_pretrained and finetuning.load_aligner(training, processor, options.from_pretrained)
    source = f"{options.from_pretrained} and {count} texts" if goes_on else f"{count} texts"
    say(f"Learning from {source} which character is spoken when ...")
    training.train(progress=say)
    key = tokenizer_hash(processor.tokenizer)
    with atomic_path(aligner_path(options.token_dir, key)) as partial:
        training.save(partial)

    def durations() -> Iterator[np.ndarray | None]:
        for index in range(len(tables)):
            rows = learned[index] if index in learned else rows_of(index)
            aligned = training.align(rows, progress=say)
            if index == 0:
                draw_alignments(options, processor, rows, aligned, info.frame_rate, say)
            yield from rows.spread(aligned)

    write_durations(options.token_dir, key, durations())


def draw_alignments(
    options: TrainingOptions,
    processor: TtsTrmProcessor,
    rows: Sequence,
    durations: Sequence[np.ndarray],
    frame_rate: float,
    say: Callable[[str], None],
    pictures: int = 3,
) -> None:
    """Pictures of the first few alignments, `alignment_1.png` ... in the token folder; without matplotlib none."""
    try:
        from ..plots import draw_durations
    except ImportError as error:
        say(f"No alignment pictures: {error}")
        return
    shown = [index for index, values in enumerate(durations) if len(values)][:pictures]
    for number, index in enumerate(shown, 1):
        codes, ids = rows[index]
        characters = processor.tokenizer.convert_ids_to_tokens(ids.tolist())
        try:
            waveform = processor.decode(torch.from_numpy(codes.astype("int64")))[0]
        except OSError:
            # The codec is not at hand: the alignment can be drawn without the spectrogram.
            waveform = None
        text = processor.tokenizer.decode(ids.tolist(), skip_special_tokens=True)
        path = Path(options.token_dir) / f"alignment_{number}.png"
        draw_durations(path, text, characters, durations[index], waveform, processor.sampling_rate, frame_rate)
