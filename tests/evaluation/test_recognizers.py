"""Recognisers and speaker encoders: the offline ones, and tiny random models of the classes that a name may load."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
    WavLMConfig,
    WavLMForXVector,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from tts_trm.audio.reading import read_audio
from tts_trm.evaluation.quality import SpeechQuality
from tts_trm.evaluation.recognizers import (
    ListenerError,
    PocketsphinxRecognizer,
    TransformersRecognizer,
    WhisperRecognizer,
    load_recognizer,
)
from tts_trm.evaluation.speaker_encoders import load_speaker_encoder

RATE = 24_000
CONVOLUTIONS = dict(conv_dim=(8, 8), conv_stride=(80, 4), conv_kernel=(160, 4), num_feat_extract_layers=2)
SIZES = dict(
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    num_conv_pos_embeddings=4,
    num_conv_pos_embedding_groups=2,
)


@pytest.fixture(scope="module")
def speech(request) -> np.ndarray:
    return read_audio(request.config.rootpath / "test_dataset" / "slt_00000.flac", RATE)


def save_wav2vec2(folder):
    letters = ["<pad>", "<unk>", "|", *"abcdefgh"]
    (folder / "vocab.json").write_text(str({letter: i for i, letter in enumerate(letters)}).replace("'", '"'))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    config = Wav2Vec2Config(vocab_size=len(letters), pad_token_id=0, **SIZES, **CONVOLUTIONS)
    Wav2Vec2ForCTC(config).save_pretrained(folder)


def save_whisper(folder):
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    vocabulary = {token: i for i, token in enumerate([*"abcdefgh", "Ġ", *special])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[], additional_special_tokens=special[1:])
    WhisperProcessor(WhisperFeatureExtractor(feature_size=8, chunk_length=10), tokenizer).save_pretrained(folder)
    end, start = vocabulary["<|endoftext|>"], vocabulary["<|startoftranscript|>"]
    sizes = dict(d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)
    config = WhisperConfig(
        vocab_size=len(vocabulary), num_mel_bins=8, encoder_ffn_dim=16, decoder_ffn_dim=16, max_source_positions=500,
        max_target_positions=24, pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start,
        **sizes,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config.max_new_tokens = 8
    model.save_pretrained(folder)


def test_pocketsphinx_hears_english_and_knows_what_is_not(speech):
    # As Whisper is not at hand.
    recognizer = load_recognizer()
    assert isinstance(recognizer, PocketsphinxRecognizer)
    assert {"cat", "warm", "stone"} & set(recognizer(speech, RATE).split())
    assert recognizer.knows(["The cat sleeps on a warm stone."])
    assert not recognizer.knows(["Die Katze schläft auf einem warmen Stein, heute scheint die Sonne."])


def test_pocketsphinx_finds_the_words_of_a_text(speech):
    recognizer, text = PocketsphinxRecognizer(), "The cat sleeps on a warm stone."
    times = recognizer.word_times(speech, RATE, text)
    assert [word for word, _, _ in times] == "the cat sleeps on a warm stone".split()
    bounds = [bound for _, start, end in times for bound in (start, end)]
    assert bounds == sorted(bounds) and 0 <= bounds[0] < bounds[-1] <= len(speech) / RATE + 0.02
    # And listens as before.
    heard = recognizer(speech[int(times[-1][1] * RATE) :], RATE)
    assert "stone" in heard.split()
    assert recognizer.word_times(speech, RATE, "The zyxxy sleeps.") is None
    # 0.1 s cannot be all that.
    assert recognizer.word_times(speech[:2400], RATE, text) is None


def test_what_pocketsphinx_heard_before_changes_nothing(speech, request):
    recognizer = PocketsphinxRecognizer()
    quiet, loud = 0.02 * speech, 5 * read_audio(request.config.rootpath / "test_dataset" / "rms_00001.flac", RATE)
    heard, states = [], []
    for before in (quiet, loud):
        recognizer(before, RATE)
        heard.append(recognizer(speech, RATE))
        states.append(recognizer._decoder.get_cmn(False))
    assert heard[0] == heard[1] and states[0] == states[1]


@pytest.mark.parametrize("save", [save_wav2vec2, save_whisper])
def test_a_recognizer_by_name_hears_something(save, speech, tmp_path):
    torch.manual_seed(0)
    save(tmp_path)
    recognizer = load_recognizer(str(tmp_path))
    assert isinstance(recognizer, TransformersRecognizer) and recognizer.knows(["Guten Tag"])
    # Of another rate than the model's.
    heard = recognizer(speech, RATE)
    assert isinstance(heard, str) and heard == recognizer(speech, RATE)


@pytest.fixture
def whisper(monkeypatch):
    """faster-whisper and whisper-normalizer as a stand-in: the real ones need a download. Notes what it is asked."""
    asked = []

    class WhisperModel:
        def __init__(self, name, **settings):
            if not name.endswith("base"):
                raise OSError("no such model")
            asked.append((name, settings))

        def transcribe(self, samples, **settings):
            asked.append((len(samples), settings["language"]))
            return iter([SimpleNamespace(text=" Twenty one "), SimpleNamespace(text="cats.")]), None

    english = SimpleNamespace(EnglishTextNormalizer=lambda: lambda text: text.lower().replace("twenty one", "21"))
    modules = {
        "faster_whisper": SimpleNamespace(WhisperModel=WhisperModel),
        "whisper_normalizer": SimpleNamespace(),
        "whisper_normalizer.basic": SimpleNamespace(BasicTextNormalizer=lambda: str.lower),
        "whisper_normalizer.english": english,
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return asked


@pytest.mark.parametrize("name", [None, "base", "a folder"])
def test_whisper_listens_in_the_language_of_the_speaker(name, whisper, speech, tmp_path):
    if name == "a folder":
        name = str(tmp_path / "whisper-base")
        (tmp_path / "whisper-base").mkdir()
        (tmp_path / "whisper-base" / "model.bin").touch()
    recognizer = load_recognizer(name)
    assert isinstance(recognizer, WhisperRecognizer) and recognizer.knows(["Irgendwas."])
    assert recognizer(speech, RATE, "de") == "Twenty one cats."
    assert whisper[-1] == (round(len(speech) * 16_000 / RATE), "de")
    assert recognizer.normalize("Twenty one, cats!", "en") == "21 cats"
    assert recognizer.normalize("Twenty one, cats!", "de") == "twenty one cats"


def test_where_whisper_cannot_be_had(whisper, monkeypatch):
    with pytest.raises(ListenerError, match="--recognizer tiny: cannot be loaded"):
        load_recognizer("tiny")
    monkeypatch.setattr("tts_trm.evaluation.recognizers.WHISPER", "tiny")
    assert isinstance(load_recognizer(), PocketsphinxRecognizer)


def test_quality_is_measured_at_16_khz(speech, monkeypatch):
    answer = {"ovrl_mos": 3.0, "sig_mos": 3.5, "bak_mos": 4.0, "p808_mos": 3.8}
    seen = []

    def run(samples, rate):
        seen.append((len(samples), rate, float(np.abs(samples).max())))
        return answer

    monkeypatch.setitem(sys.modules, "speechmos", SimpleNamespace(dnsmos=SimpleNamespace(run=run)))
    measured = SpeechQuality()(3 * speech / np.abs(speech).max(), RATE)
    assert measured["dnsmos_overall"] == 3.0 and measured["dnsmos_p808"] == 3.8
    assert seen == [(round(len(speech) * 16_000 / RATE), 16_000, pytest.approx(1.0))]


def test_a_speaker_encoder_by_name_embeds(speech, tmp_path):
    torch.manual_seed(0)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    tdnn = dict(tdnn_dim=(8, 8), tdnn_kernel=(3, 1), tdnn_dilation=(1, 1), xvector_output_dim=12)
    WavLMForXVector(WavLMConfig(**SIZES, **CONVOLUTIONS, **tdnn)).save_pretrained(tmp_path)
    encoder = load_speaker_encoder(str(tmp_path))
    embedding = encoder(speech, RATE)
    assert embedding.shape == (12,) and np.isfinite(embedding).all()
    assert not np.allclose(embedding, encoder(speech[: len(speech) // 2], RATE))


def test_the_stand_in_tells_two_voices_apart(request):
    encoder, folder = load_speaker_encoder(), request.config.rootpath / "test_dataset"
    slt, other_slt, rms = (
        encoder(read_audio(folder / f"{name}.flac", RATE), RATE) for name in ("slt_00000", "slt_00002", "rms_00001")
    )

    def cosine(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    assert cosine(slt, other_slt) > cosine(slt, rms)


@pytest.mark.parametrize(
    ("load", "offline"),
    [(load_recognizer, "--recognizer pocketsphinx"), (load_speaker_encoder, "--speaker-encoder spectrum")],
)
def test_what_cannot_be_loaded_is_named_with_its_way_out(load, offline):
    with pytest.raises(ListenerError, match="nobody/nothing: cannot be loaded .*" + offline):
        load("nobody/nothing")
