"""The training run: from recordings to a checkpoint, and what goes wrong on the way."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch
from hub_stand_in import TOKEN, HubStandIn
from runs import ROOT, SIZES, TINY, content, forget_accelerator, own_process_state, run, state_of  # noqa: F401
from safetensors.torch import load_file
from tiny import tiny_mimi

from tts_trm import TtsTrmCodec, TtsTrmModel, TtsTrmProcessor, run_training
from tts_trm.data.recordings import read_folder
from tts_trm.publishing import upload
from tts_trm.training import accelerator
from tts_trm.training import run as training_run
from tts_trm.training.checkpoints import verify_checkpoint

# -- a whole run ----------------------------------------------------------------------------------------------------


def test_example_of_the_specification(tmp_path):
    """The original specification's command line with the script's name changed, and smaller; W&B has no network."""
    example = """run_training.py
        --data-dir test_dataset --epochs 50 --batch-size 16 --lr 3e-4 --H-cycles 3 --L-cycles 6 --sample-interval 500
        --sample-speaker 0 --wandb"""
    smaller = f"{SIZES.split(' --H')[0]} --num-heads 2 --max-steps 2 --sample-interval 2 --num-workers 0 --device cpu"
    prompts = ["--sample-prompts", "Hello, my name is Claude.", "The weather is nice today."]
    done = subprocess.run(
        [sys.executable, *example.split(), *prompts, *smaller.split(), "--output-dir", str(tmp_path / "out")],
        cwd=ROOT,
        env=os.environ | {"WANDB_MODE": "offline", "HF_HOME": str(tmp_path / "hub"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    report = re.sub(r"\(([a-z]+, )*[a-z]+\)", "()", done.stdout)
    texts = (ROOT / "test_dataset" / "metadata.csv").read_text().splitlines()[1:]
    characters = {c for row in texts for c in row.split(",", 1)[1].rsplit(",", 1)[0].strip('"').lower()}
    model = TtsTrmModel.from_pretrained(tmp_path / "out/checkpoints/final")
    count = sum(parameter.numel() for parameter in model.parameters())
    for line in (
        "Using device: cpu",
        f"   Text vocab size: {len(characters) + 3}",
        "   Speakers: 2 ()",
        "   Codebooks: 32",
        "   Codebook size: 2048",
        f"   Parameters: {count:,} ({count / 1e6:.2f}M):",
        "   Semantic (CB0): 2.00 (",
        "   Early acoustic (CB1-7): 1.21 avg",
        "   Late acoustic (CB8-31): 1.00 avg",
        "Using custom prompts from CLI:",
        '   1. [speaker 0] "Hello, my name is Claude."',
        '   2. [speaker 0] "The weather is nice today."',
        "Starting TTS training for 1 epochs...",
        "   Total steps: 2",
        "→ Output: ALL 32 codebooks",
        "   Sample generation: every 2 steps (2 samples)",
    ):
        assert line in report, f"{line!r} is missing from:\n{report}"
    assert "it/s]" not in done.stderr and "sequence length" not in done.stderr
    samples = tmp_path / "out" / "samples" / "step_000002"
    assert {path.name for path in samples.iterdir()} == {
        "info.json", "sample_1.png", "sample_1_generated.wav", "sample_2.png", "sample_2_generated.wav"
    }  # fmt: skip
    assert list((tmp_path / "out" / "logs").glob("wandb/offline-run-*/*.wandb"))
    assert list((tmp_path / "out" / "logs").rglob("events.out.tfevents*"))


def test_from_recordings_to_a_voice(tmp_path, recordings, tokens, tiny_codec_folder, capsys, monkeypatch):
    from transformers import AutoModel, dynamic_module_utils

    # as a user starts: recordings only, tokenised and aligned on the way
    data = tmp_path / "data"
    shutil.copytree(recordings, data, ignore=shutil.ignore_patterns("mimi_tokens"))
    command = (
        f"--max-steps 4 --save-interval 1 --eval-interval 2 --sample-interval 2 --keep-checkpoints 2 --data-dir {data}"
    )
    out = tmp_path / "out"
    assert run(command, "--codec", tiny_codec_folder, "--output-dir", out) == 0
    shown = capsys.readouterr().out
    assert (
        "16 clips" in shown
        and "Learning from 16 texts" in shown
        and "15 clips, " in shown
        and "eval at step 4" in shown
    )
    made, ready = (
        {path.name: path.read_bytes() for path in folder.glob("*.parquet")} for folder in (data / "mimi_tokens", tokens)
    )
    # Codes and durations: the same seed, the same data.
    assert made == ready

    names = {path.name for path in (out / "checkpoints").iterdir()}
    assert names == {"best", "step_2", "step_3", "final"}
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    for name in names:
        verify_checkpoint(out / "checkpoints" / name)
        model = TtsTrmModel.from_pretrained(out / "checkpoints" / name)
        processor = TtsTrmProcessor.from_pretrained(out / "checkpoints" / name)
        average = load_file(out / "checkpoints" / name / "training_state" / "average.safetensors")
        assert all(torch.equal(value, average[key]) for key, value in model.named_parameters())
    assert processor.speakers == ["anna", "bert"] and isinstance(processor.codec_model, TtsTrmCodec)
    weights = AutoModel.from_pretrained(out / "checkpoints" / "final", trust_remote_code=True).state_dict()
    expected = TtsTrmModel.from_pretrained(out / "checkpoints" / "final").state_dict()
    assert weights.keys() == expected.keys() and all(torch.equal(weights[key], expected[key]) for key in weights)

    samples = out / "samples"
    truth = soundfile.info(samples / "sample_1_ground_truth.wav")
    assert truth.samplerate == 24_000 and truth.frames % 1920 == 0
    for step in (2, 4):
        info = json.loads((samples / f"step_{step:06d}" / "info.json").read_text())
        assert info["step"] == step and info["samples"][0]["file"] == "sample_1_generated.wav"
        assert (samples / f"step_{step:06d}" / "sample_1_generated.wav").exists()
    from huggingface_hub import ModelCard

    card = ModelCard.load(out / "checkpoints" / "final" / "README.md")
    assert card.data.pipeline_tag == "text-to-speech" and "| loss |" in card.content
    assert "anna (en), bert (en)" in card.content

    # one recording less: the tokens are made again, by the codec that made them
    lines = (data / "metadata.csv").read_text().splitlines()
    (data / "metadata.csv").write_text("\n".join(lines[:-1]) + "\n")
    assert run("--max-steps 1", "--data-dir", data, "--output-dir", tmp_path / "other") == 0
    assert "15 clips" in capsys.readouterr().out


@pytest.mark.parametrize(
    "sizes",
    [
        "--alignment length --codebook-head depth --fine-frame-fraction 0.2",
        "--alignment none --codebook-head parallel --share-output-heads --answer-injection cross_attention",
        "--gradient-cycles 1 --ema-decay 0 --frames-per-batch 40 --warmup-steps 0",
    ],
)
def test_other_models(tmp_path, tokens, sizes):
    assert run(sizes, "--max-steps", 2, "--token-dir", tokens, "--output-dir", tmp_path) == 0
    model = TtsTrmModel.from_pretrained(tmp_path / "checkpoints" / "final")
    words = sizes.split()
    for name, value in zip(words, words[1:], strict=False):
        if name in ("--alignment", "--codebook-head", "--answer-injection"):
            assert getattr(model.config, name.strip("-").replace("-", "_")) == value


# -- what goes wrong ------------------------------------------------------------------------------------------------


def refused(capsys, *arguments) -> str:
    """The one line that a run which cannot start ends in."""
    assert run(*arguments) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    return line


def test_bad_input(tmp_path, recordings, tokens, capsys, monkeypatch):
    from tts_trm.training import preparation

    out = tmp_path / "out"
    command = f"--max-steps 1 --token-dir {tokens} --output-dir {out}"
    assert run(command) == 0
    capsys.readouterr()
    before = content(out) | content(tokens)

    assert "Unknown speaker 'zoe'" in refused(capsys, command, "--sample-prompts", "Hi.", "--sample-speaker", "zoe")
    assert "has no prompts" in refused(capsys, command, "--sample-prompts-file", os.devnull)
    assert "was trained with hidden_dim=16, this run has 32" in refused(capsys, f"{command} --hidden-dim 32")
    line = refused(capsys, f"{command} --num-heads 3")
    assert "text_embed_dim=16 is not a multiple of num_heads=3" in line
    assert "--resume-from-checkpoint none" in refused(capsys, f"{command} --dropout 0.2")
    with monkeypatch.context() as patch:
        patch.setenv("ACCELERATE_USE_FSDP", "true")
        assert "asks for FSDP" in refused(capsys, command)
    assert "manifest.json is missing" in refused(capsys, command, "--resume-from-checkpoint", tmp_path / "nothing")
    torch.manual_seed(1)
    config = TtsTrmCodec.config_class.from_pretrained(next(out.rglob("final/codec")))
    TtsTrmCodec(config).save_pretrained(tmp_path / "codec")
    line = refused(capsys, command, "--codec", tmp_path / "codec")
    assert str(tokens) in line and "another --token-dir" in line
    with monkeypatch.context() as patch:
        make_processor = preparation.make_processor

        def with_other_speakers(*arguments):
            processor = make_processor(*arguments)
            processor.speakers.reverse()
            return processor

        patch.setattr(preparation, "make_processor", with_other_speakers)
        assert "another vocabulary or other speakers" in refused(capsys, command)
    with monkeypatch.context() as patch:
        codebooks = preparation.CodecInfo.codebooks
        patch.setattr(preparation.CodecInfo, "codebooks", lambda info: codebooks(info) * 1.01)
        assert "tokens of another codec" in refused(capsys, command)
    assert content(out) | content(tokens) == before

    (tmp_path / "empty").mkdir()
    assert "no metadata.csv" in refused(capsys, f"--data-dir {tmp_path / 'empty'} --output-dir {tmp_path / 'new'}")
    shutil.copytree(recordings, tmp_path / "data", ignore=shutil.ignore_patterns("mimi_tokens"))
    line = refused(capsys, f"--data-dir {tmp_path / 'data'} --output-dir {tmp_path / 'new'}")
    assert "kyutai/mimi" in line and "--codec pretrained/tts-trm-mini/codec" in line
    assert not (tmp_path / "new").exists()


def poison(kind: str, model_forward):
    """The model's forward pass, made to go wrong in one of the ways that numbers do."""

    def forward(self, *arguments, **keywords):
        if kind == "infinite input":
            keywords["durations"] = torch.full_like(keywords["durations"], float("inf"))
        output = model_forward(self, *arguments, **keywords)
        if kind.endswith("loss"):
            output.loss = output.loss * float(kind.split()[0])
        elif kind.endswith("gradient"):
            output.loss.register_hook(lambda gradient: gradient * float(kind.split()[0]))
        return output

    return forward


def float16_accelerator(options, make=accelerator.make_accelerator):
    """That of --fp16 on a GPU: accelerate does not offer it for CPUs, PyTorch does."""
    accelerator = make(options)
    # one overflow is enough to bring the scale back to where it works
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8, backoff_factor=2.0**-72)
    # From then on there is a scale to change.
    accelerator.scaler.scale(torch.ones(1))
    accelerator.native_amp, accelerator.state._mixed_precision = True, "fp16"
    return accelerator


@pytest.mark.parametrize(
    "kind", ["nan loss", "inf loss", "nan gradient", "inf gradient", "infinite input", "float16 overflow"]
)
@pytest.mark.parametrize("bad_step", [0, 2])
def test_a_step_that_is_not_finite_is_left_out(tmp_path, tokens, capsys, monkeypatch, kind, bad_step):
    forward, optimizer_step, clips = TtsTrmModel.forward, training_run.Run.optimizer_step, []

    def step(self, group):
        with monkeypatch.context() as patch:
            if self.state.step == bad_step:
                patch.setattr(TtsTrmModel, "forward", poison(kind, forward))
                clips.extend(name for batch in group for name in batch["names"])
                if kind == "float16 overflow":
                    self.accelerator.scaler.update(2.0**80)
            return optimizer_step(self, group)

    monkeypatch.setattr(training_run.Run, "optimizer_step", step)
    if kind == "float16 overflow":
        monkeypatch.setattr(accelerator, "make_accelerator", float16_accelerator)
    command = f"--token-dir {tokens} --max-steps 4 --save-interval 1 --keep-checkpoints 0"
    assert run(command, "--output-dir", tmp_path) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "left out: loss" in line]
    assert line.startswith(f"Step {bad_step} left out") and len(clips) == 2
    assert line.endswith(f"(epoch 1, batch {bad_step + 1}: {', '.join(clips)}).")
    before, after, final = (
        state_of(tmp_path / "checkpoints" / name) if name != "step_0" else {}
        for name in (f"step_{bad_step}", f"step_{bad_step + 1}", "final")
    )
    assert all(torch.equal(value, after[name]) for name, value in before.items() if "random" not in name)
    assert before or not any(value.any() for name, value in after.items() if name.startswith("optimizer"))
    assert all(value.isfinite().all() for value in final.values())
    assert not all(torch.equal(value, final[name]) for name, value in after.items() if name.startswith("weights"))


def test_a_run_of_bad_steps_ends(tmp_path, tokens, capsys, monkeypatch):
    forward, optimizer_step = TtsTrmModel.forward, training_run.Run.optimizer_step

    def step(self, group):
        if self.state.step == 2:
            monkeypatch.setattr(TtsTrmModel, "forward", poison("nan loss", forward))
        return optimizer_step(self, group)

    monkeypatch.setattr(training_run.Run, "optimizer_step", step)
    assert run(f"--token-dir {tokens} --max-steps 9 --save-interval 2", "--output-dir", tmp_path) == 1
    captured = capsys.readouterr()
    assert captured.out.count("left out: loss") == 5
    assert "not finite 5 steps in a row, last in epoch 1, batch 7: " in captured.err
    saved = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert saved == {"step_2", "step_4", "step_6"}
    assert all(value.isfinite().all() for name in saved for value in state_of(tmp_path / "checkpoints" / name).values())


PUSH_FAILURES = [
    *[("create", 401), ("create", "drop"), ("info", 500), ("preupload", 429), ("batch", 403), ("upload", "drop")],
    *[("preupload", "truncate"), ("commit", 403), ("commit", 503), ("commit", "stall")],
]


@pytest.mark.parametrize(("call", "how"), [(None, None), *PUSH_FAILURES])
def test_pushing(tmp_path, tokens, monkeypatch, caplog, capsys, call, how):
    """To a Hub on this machine; one that takes nothing does not end the run, and nobody tells its token."""
    monkeypatch.setattr(upload, "TIME_LIMIT", 0.2)
    with HubStandIn() as hub:
        hub.connect(monkeypatch)
        if call:
            hub.fail(call, how)
        command = f"--max-steps 1 --push-to-hub voice --sample-interval {0 if call else 1}".split()
        command = [*TINY.replace("--no-tensorboard", "").split(), *command, "--token-dir", str(tokens)]
        forget_accelerator()
        assert run_training.main([*command, "--output-dir", str(tmp_path)]) == 0
        checkpoints = {path.name: path for path in (tmp_path / "checkpoints").iterdir()}
        assert checkpoints.keys() == {"best", "final"}
        for folder in checkpoints.values():
            verify_checkpoint(folder)
        final, shown = checkpoints["final"], capsys.readouterr()
        written = content(tmp_path)
        assert any("tfevents" in name for name in written) and (call or any(name.endswith(".wav") for name in written))
        assert [name for name, data in written.items() if TOKEN.encode() in data] == []
        assert TOKEN not in caplog.text + shown.out + shown.err
        repository = hub.repositories.get("me/voice")
        messages = [commit.message for commit in repository.commits] if repository else []
        if call:
            assert messages == ([] if call == "create" else ["initial commit"])
            for folder in checkpoints.values():
                assert f"{folder}: was not uploaded to voice (" in caplog.text
                assert f"push_to_hub.py --model {folder} --repo voice" in caplog.text
            return
        # Which the final one is: nothing is new.
        assert messages == ["initial commit", "Best so far, step 1"]
        files = hub.repositories["me/voice"].commits[-1].files
        left_out = {name for name in content(final) if "training_state" in name} | {"manifest.json"}
        assert set(content(final)) - left_out <= set(files) and not left_out & set(files)
        assert files["model.safetensors"] == (final / "model.safetensors").read_bytes()
        assert b'"me/voice"' in files["README.md"] and b"| loss |" in files["README.md"]


def test_a_sample_that_fails_ends_nothing(tmp_path, tokens, monkeypatch, caplog):
    def fail(self, *arguments, **settings):
        raise FloatingPointError("the answer is not finite")

    monkeypatch.setattr("tts_trm.TtsTrmModel.generate", fail)
    command = "--max-steps 2 --eval-interval 1 --sample-interval 1"
    assert run(command, "--token-dir", tokens, "--output-dir", tmp_path) == 0
    assert "No sample 1: the answer is not finite" in caplog.text
    verify_checkpoint(tmp_path / "checkpoints" / "best")


def test_tracker_that_fails_ends_nothing(tmp_path, tokens, monkeypatch, caplog):
    from accelerate.tracking import WandBTracker

    def fail(self):
        raise RuntimeError("not logged in")

    monkeypatch.setattr(WandBTracker, "start", fail)
    assert run("--max-steps 1 --wandb", "--token-dir", tokens, "--output-dir", tmp_path) == 0
    assert "Tracking with wandb stops, the run continues: RuntimeError: not logged in" in caplog.text


@pytest.mark.parametrize(
    ("recipe", "text", "speaker", "splits"),
    [
        ("ljspeech-mimi", "normalized_text", None, ["full"]),
        ("libritts-r-mimi", "text_normalized", "speaker_id", ["train.clean.100", "train.clean.360"]),
    ],
)
def test_recipes_for_the_real_mimi_start(recipe, text, speaker, splits, tmp_path, recordings, monkeypatch):
    """The recipe as it stands, with copies of the Hub's data set and codec, small ones, under their names."""
    import datasets
    import yaml

    settings = yaml.safe_load((ROOT / "configs" / f"{recipe}.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    clips, folder = read_folder(recordings), Path(settings["data-dir"])
    (folder / "data").mkdir(parents=True)
    for index, split in enumerate(splits):
        part = clips[index :: len(splits)]
        columns = {"audio": [{"bytes": Path(clip.audio).read_bytes(), "path": None} for clip in part]}
        columns |= {text: [clip.text for clip in part]} | (
            {speaker: [clip.speaker for clip in part]} if speaker else {}
        )
        datasets.Dataset.from_dict(columns).to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
    configs = [{"config_name": settings.get("dataset-config", "default"), "data_files": files}]
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n")
    tiny_mimi().save_pretrained("kyutai/mimi")

    small = "--max-steps 2 --frames-per-batch 40 --held-out 0.2 --warmup-steps 1 --sample-interval 0"
    assert run(f"--config {ROOT}/configs/{recipe}.yaml {small}") == 0
    voice = Path(settings["output-dir"]) / "checkpoints" / "final"
    processor = TtsTrmProcessor.from_pretrained(voice)
    # A folder here, so the checkpoint carries it.
    assert type(processor.codec_model).__name__ == "MimiModel"
    assert processor.speakers == (sorted({clip.speaker for clip in clips}) if speaker else ["lj-speech"])
    assert json.loads((voice / "config.json").read_text())["codebook_chains"] == [1, 7]


@pytest.mark.parametrize(("capability", "warned"), [("AVX2", True), ("AVX512", False)])
def test_emulated_bfloat16_is_warned_of(tmp_path, tokens, capsys, monkeypatch, capability, warned):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert run(f"--token-dir {tokens} --max-steps 1 --bf16", "--output-dir", tmp_path) == 0
    assert ("Leave --bf16 out" in capsys.readouterr().out) == warned
