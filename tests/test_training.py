"""The training run: from recordings to a checkpoint, stopped and resumed, in one process and in two."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch
from hub_stand_in import HubStandIn
from safetensors.torch import load_file
from tiny import tiny_mimi

from tts_trm import TtsTrmCodec, TtsTrmModel, TtsTrmProcessor, run_training
from tts_trm.training.checkpoint import verify_checkpoint
from tts_trm.training.sources import read_folder

ROOT = Path(__file__).resolve().parent.parent
SIZES = (
    "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --L-layers 1 --H-cycles 2 --L-cycles 1"
)
TINY = f"{SIZES} --num-heads 2 --batch-size 2 --num-workers 0 --device cpu --lr 1e-2 --log-interval 1 --no-tensorboard"
STATE = ("weights", "average", "optimizer", "random")


@pytest.fixture(autouse=True)
def own_process_state(tmp_path, monkeypatch):
    """What a run leaves behind in its process, which is usually over then."""
    import datasets
    from accelerate.state import AcceleratorState, GradientState, PartialState

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()


def run(arguments: str, *more) -> int:
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    return run_training.main([*f"{TINY} {arguments}".split(), *map(str, more)])


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name in STATE
        for key, value in load_file(folder / "training_state" / f"{name}.safetensors").items()
    }


def assert_same_state(one: Path, other: Path) -> None:
    first, second = state_of(one), state_of(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def logged(text: str) -> dict[int, str]:
    """Step and what was logged of it, but for the speed."""
    return {int(step): rest for step, rest in re.findall(r"^step (\d+)/\d+ (.*) \d+ frames/s$", text, re.M)}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- a whole run ----------------------------------------------------------------------------------------------------


def test_example_of_the_guide(tmp_path):
    """The guide's command line with the script's name changed, and smaller; W&B has no network."""
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
    assert made == ready  # codes and durations: the same seed, the same data

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


# -- stopped and resumed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accumulation", "workers"), [(1, 0), (2, 1)])
def test_resumed_run_equals_the_straight_one(tmp_path, tokens, capsys, accumulation, workers):
    """From the middle of an epoch into the next but one, with dropout, average, evaluations and samples between."""
    command = (
        f"--token-dir {tokens} --dropout 0.3 --save-interval 3 --eval-interval 2 --sample-interval 4 --max-steps 11 "
        f"--keep-checkpoints 0 --gradient-accumulation-steps {accumulation} --num-workers {workers}"
    )
    assert run(command, "--output-dir", tmp_path / "straight") == 0
    straight = logged(capsys.readouterr().out)
    shutil.copytree(tmp_path / "straight/checkpoints/step_3", tmp_path / "resumed/checkpoints/step_3")
    state = json.loads((tmp_path / "straight/checkpoints/step_3/training_state/state.json").read_text())
    assert 0 < state["batch_in_epoch"] < state["batches_per_epoch"]
    assert run(command, "--output-dir", tmp_path / "resumed") == 0
    shown = capsys.readouterr().out
    resumed = logged(shown)
    assert "at step 3 of 11" in shown and set(resumed) == set(range(4, 12))
    assert resumed == {step: straight[step] for step in resumed}
    for name in ("step_6", "best", "final"):
        assert_same_state(*(tmp_path / folder / "checkpoints" / name for folder in ("straight", "resumed")))


def test_signal_stops_in_good_order(tmp_path, tokens, capsys, monkeypatch):
    command = f"--token-dir {tokens} --max-steps 5"
    assert run(command, "--output-dir", tmp_path / "straight") == 0
    original = run_training.Run.once_in_a_while

    def kill_at_two(self):
        original(self)
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(run_training.Run, "once_in_a_while", kill_at_two)
        assert run(command, "--output-dir", tmp_path / "stopped") == 128 + signal.SIGTERM
    assert "Stopped at step 2 and saved" in capsys.readouterr().out
    verify_checkpoint(tmp_path / "stopped/checkpoints/step_2")
    assert run(command, "--output-dir", tmp_path / "stopped") == 0
    assert "at step 2 of 5" in capsys.readouterr().out
    assert_same_state(*(tmp_path / folder / "checkpoints/final" for folder in ("straight", "stopped")))
    # a finished run is finished; with more steps it goes on, with other batches from the next epoch on
    assert run(command, "--output-dir", tmp_path / "stopped") == 0
    assert logged(capsys.readouterr().out) == {}
    assert run(f"{command} --max-steps 7 --batch-size 5", "--output-dir", tmp_path / "stopped") == 0
    shown = capsys.readouterr().out
    assert "a new epoch begins" in shown and set(logged(shown)) == {6, 7}


DRIVER = """
import json, runpy, sys
from pathlib import Path
import torch
runpy.run_path({clone!r})
torch.set_num_threads(1)
from safetensors.torch import save_file
from tts_trm import run_training

class Recording(run_training.Run):
    seen = []

    def optimizer_step(self, group):
        for batch in group:
            self.seen += [str(codes[codes >= 0].tolist()) for codes in batch["labels"]]
        return super().optimizer_step(group)

    def save(self, name):
        super().save(name)
        if name == "final":
            rank = self.accelerator.process_index
            Path({folder!r}, f"seen{{rank}}.json").write_text(json.dumps(self.seen))
            save_file(dict(self.model.named_parameters()), Path({folder!r}, f"weights{{rank}}.safetensors"))

run_training.Run = Recording
sys.exit(run_training.main(sys.argv[1:]))
"""


def run_two_processes(tmp_path: Path, command: str) -> subprocess.CompletedProcess:
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER.format(clone=str(ROOT / "scripts" / "_clone.py"), folder=str(tmp_path)))
    done = subprocess.run(
        # what `accelerate launch` calls for several GPUs; on CPUs it starts only one process itself
        [sys.executable, *"-m torch.distributed.run --standalone --nproc_per_node 2".split(), str(driver),
         *f"{TINY} {command}".split(), "--output-dir", str(tmp_path / "out")],
        env=os.environ | {"HF_HOME": str(tmp_path / "hub"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_train_as_one_does(tmp_path, tokens, capsys):
    """The same clips in every step, every frame of the same weight: the same loss curve and weights."""
    # without durations and dropout nothing is left to chance but the precisions, which learn from a few frames
    command = f"--max-steps 4 --token-dir {tokens} --alignment none --dropout 0 --lr 1e-3"
    done = run_two_processes(tmp_path, command)
    assert run(f"{command} --batch-size 4 --output-dir {tmp_path / 'alone'}") == 0
    curves = [
        re.findall(r"^step \d+/4 epoch \d+ loss ([\d.]+)", out, re.M) for out in (done.stdout, capsys.readouterr().out)
    ]
    assert len(curves[0]) == 4 and len(set(curves[0])) == 4
    assert [float(loss) for loss in curves[0]] == pytest.approx([float(loss) for loss in curves[1]], abs=2e-4)
    weights = load_file(tmp_path / "weights0.safetensors")
    alone = state_of(tmp_path / "alone" / "checkpoints" / "final")
    for name in weights.keys() - {"head.log_precision"}:
        torch.testing.assert_close(weights[name], alone[f"weights.{name}"], rtol=1e-3, atol=2e-4, msg=name)


def test_two_processes(tmp_path, tokens):
    """Equal weights, disjoint shares, and one held-out clip, which only one of them can evaluate."""
    command = f"--max-steps 2 --gradient-accumulation-steps 2 --gradient-cycles 1 --token-dir {tokens}"
    done = run_two_processes(tmp_path, command)
    assert done.stdout.count("Done: ") == 1
    first, second = (json.loads((tmp_path / f"seen{rank}.json").read_text()) for rank in (0, 1))
    assert len(first) + len(second) == 15 and not set(first) & set(second)  # one epoch
    weights = [load_file(tmp_path / f"weights{rank}.safetensors") for rank in (0, 1)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    state = state_of(tmp_path / "out" / "checkpoints" / "final")
    assert all(torch.equal(value, state[f"weights.{name}"]) for name, value in weights[0].items())
    assert not torch.equal(state["random.0"], state["random.1"])


# -- what goes wrong ------------------------------------------------------------------------------------------------


def refused(capsys, *arguments) -> str:
    """The one line that a run which cannot start ends in."""
    assert run(*arguments) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    return line


def test_bad_input(tmp_path, recordings, tokens, capsys, monkeypatch):
    from tts_trm.training import setup

    out = tmp_path / "out"
    command = f"--max-steps 1 --token-dir {tokens} --output-dir {out}"
    assert run(command) == 0
    capsys.readouterr()
    before = content(out) | content(tokens)

    assert "Unknown speaker 'zoe'" in refused(capsys, command, "--sample-prompts", "Hi.", "--sample-speaker", "zoe")
    assert "holds no prompt" in refused(capsys, command, "--sample-prompts-file", os.devnull)
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
        make_processor = setup.make_processor

        def with_other_speakers(*arguments):
            processor = make_processor(*arguments)
            processor.speakers.reverse()
            return processor

        patch.setattr(setup, "make_processor", with_other_speakers)
        assert "another vocabulary or other speakers" in refused(capsys, command)
    with monkeypatch.context() as patch:
        codebooks = setup.CodecInfo.codebooks
        patch.setattr(setup.CodecInfo, "codebooks", lambda info: codebooks(info) * 1.01)
        assert "tokens of another codec" in refused(capsys, command)
    assert content(out) | content(tokens) == before

    (tmp_path / "empty").mkdir()
    assert "no metadata.csv" in refused(capsys, f"--data-dir {tmp_path / 'empty'} --output-dir {tmp_path / 'new'}")
    shutil.copytree(recordings, tmp_path / "data", ignore=shutil.ignore_patterns("mimi_tokens"))
    line = refused(capsys, f"--data-dir {tmp_path / 'data'} --output-dir {tmp_path / 'new'}")
    assert "kyutai/mimi" in line and "--codec pretrained/tts-trm-mini/codec" in line
    assert not (tmp_path / "new").exists()


def test_losses_that_are_not_finite(tmp_path, tokens, capsys, monkeypatch):
    forward, bad, calls = TtsTrmModel.forward, {2}, []

    def sometimes_nothing(self, *arguments, **keywords):
        output = forward(self, *arguments, **keywords)
        if self.training:
            calls.append(None)
            if len(calls) in bad:
                output.loss = output.loss * float("nan")
        return output

    monkeypatch.setattr(TtsTrmModel, "forward", sometimes_nothing)
    command = f"--token-dir {tokens} --max-steps 9 --save-interval 2"
    assert run(command, "--output-dir", tmp_path / "one") == 0
    shown = capsys.readouterr().out
    assert shown.count("left out") == 1 and "Step 1 left out: loss nan" in shown
    assert all(value.isfinite().all() for value in state_of(tmp_path / "one/checkpoints/final").values())

    bad |= set(range(12, 99))
    assert run(command, "--output-dir", tmp_path / "many") == 1
    captured = capsys.readouterr()
    assert captured.out.count("left out") == 5
    assert "not finite 5 steps in a row, last in epoch 1, batch 7" in captured.err
    saved = list((tmp_path / "many/checkpoints").iterdir())
    assert tmp_path / "many/checkpoints/final" not in saved
    assert all(value.isfinite().all() for folder in saved for value in state_of(folder).values())


@pytest.mark.parametrize("how", [None, 403, 503, "drop"])
def test_pushing(tmp_path, tokens, monkeypatch, caplog, how):
    """To a Hub on this machine; one that takes nothing does not end the run."""
    with HubStandIn() as hub:
        hub.connect(monkeypatch)
        if how:
            hub.fail("commit", how)
        assert run("--max-steps 1 --push-to-hub voice", "--token-dir", tokens, "--output-dir", tmp_path) == 0
        final = tmp_path / "checkpoints" / "final"
        verify_checkpoint(final)
        messages = [commit.message for commit in hub.repositories["me/voice"].commits]
        if how:
            assert messages == ["initial commit"]
            assert f"push_to_hub.py --model {final} --repo voice" in caplog.text and "was not uploaded" in caplog.text
            return
        assert messages == ["initial commit", "Best so far, step 1"]  # which the final one is: nothing is new
        files = hub.repositories["me/voice"].commits[-1].files
        left_out = {name for name in content(final) if "training_state" in name} | {"manifest.json"}
        assert set(content(final)) - left_out <= set(files) and not left_out & set(files)
        assert files["model.safetensors"] == (final / "model.safetensors").read_bytes()
        assert b'"me/voice"' in files["README.md"] and b"| loss |" in files["README.md"]


def test_tracker_that_fails_ends_nothing(tmp_path, tokens, monkeypatch, caplog):
    from accelerate.tracking import WandBTracker

    def fail(self):
        raise RuntimeError("not logged in")

    monkeypatch.setattr(WandBTracker, "start", fail)
    assert run("--max-steps 1 --wandb", "--token-dir", tokens, "--output-dir", tmp_path) == 0
    assert "Tracking with wandb stops, the run goes on: RuntimeError: not logged in" in caplog.text


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
    assert type(processor.codec_model).__name__ == "MimiModel"  # a folder here, so the checkpoint carries it
    assert processor.speakers == (sorted({clip.speaker for clip in clips}) if speaker else ["lj-speech"])
    assert json.loads((voice / "config.json").read_text())["codebook_chains"] == [1, 7]
