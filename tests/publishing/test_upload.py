"""Publishing and loading through the real client, against a Hub on this machine that fails as it is told to."""

import copy
import io
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
import yaml
from hub_stand_in import TOKEN, HubStandIn
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

import tts_trm
from tts_trm import TtsTrmModel, TtsTrmProcessor
from tts_trm.publishing import upload
from tts_trm.publishing.model_card import CardError, write_model_card
from tts_trm.scripts import export_voice, push_to_hub

ROOT = Path(__file__).resolve().parents[2]
REPO = "me/voice"
CALLS = ("create", "info", "validate", "preupload", "batch", "upload", "verify", "commit")
WAYS = (401, 403, 404, 409, 412, 429, 500, 503, "drop", "lost", "truncate")


@pytest.fixture
def hub(monkeypatch):
    """An empty Hub that this process is connected to; `hub.waits` are the client's and ours."""
    with HubStandIn() as hub:
        hub.waits = hub.connect(monkeypatch)
        yield hub


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, tiny_voice) -> list[Path]:
    """Two checkpoints of a run as a run leaves them, with different weights, and things that are nobody's business."""
    folders = []
    for number in (1, 2):
        folder = shutil.copytree(tiny_voice, tmp_path_factory.mktemp("run") / f"step_{number}")
        weights = {name: value + 0.01 * number for name, value in load_file(folder / "model.safetensors").items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        model, processor = TtsTrmModel.from_pretrained(folder), TtsTrmProcessor.from_pretrained(folder)
        write_model_card(folder, model, processor, {"loss": 1.5 - number / 10})
        (folder / "training_state").mkdir()
        (folder / "training_state" / "state.json").write_text(json.dumps({"options": {"data_dir": str(folder)}}))
        (folder / "training_state" / "weights.safetensors").write_bytes(b"state")
        (folder / "manifest.json").write_text("{}")
        (folder / ".env").write_text(f"HF_TOKEN={TOKEN}")
        (folder / "token.txt").write_text(TOKEN)
        folders.append(folder)
    return folders


def head_of(hub: HubStandIn, repo: str = REPO) -> dict[str, bytes]:
    return hub.repositories[repo].commits[-1].files


def push(folder: Path, message: str = "Upload voice"):
    return upload.push_voice(folder, REPO, message)


# -- what is published ----------------------------------------------------------------------------------------------


def test_a_voice_is_one_commit_and_nothing_that_is_nobodys_business(hub, checkpoints):
    commit = push(checkpoints[0], "First")
    made = hub.repositories[REPO].commits
    assert [each.message for each in made] == ["initial commit", "First"] and commit.oid == made[-1].oid
    files = head_of(hub)
    code = {path.name for path in ROOT.glob("*_tts_trm*.py")}
    assert set(files) == code | {
        ".gitattributes", "README.md", "config.json", "generation_config.json", "model.safetensors",
        "processor_config.json", "tokenizer.json", "tokenizer_config.json", "codec/config.json",
        "codec/model.safetensors", "samples/1_anna.wav", "samples/2_bert.wav",
    }  # fmt: skip
    for name in ("model.safetensors", "codec/model.safetensors", "modeling_tts_trm.py"):
        assert files[name] == (checkpoints[0] / name).read_bytes()
    secrets = [TOKEN, str(checkpoints[0]), str(ROOT), str(Path.home()) + os.sep]
    assert not [(name, secret) for name in files for secret in secrets if secret.encode() in files[name]]


def test_the_card_names_the_repository_and_its_samples(hub, checkpoints):
    push(checkpoints[0])
    card = ModelCard(head_of(hub)["README.md"].decode())
    assert card.data.language == ["en"] and card.data.pipeline_tag == "text-to-speech"
    assert [example["example_title"] for example in card.data.widget] == ["anna", "bert"]
    for example in card.data.widget:
        samples, rate = soundfile.read(io.BytesIO(head_of(hub)[example["output"]["url"]]))
        assert rate == 24_000 and len(samples) > 1000
        assert f"]({example['output']['url']})" in card.text
    assert f'"{REPO}"' in card.text and "this/repository" not in card.text and "<!--" not in card.text
    assert "| loss | 1.4 |" in card.text


def test_what_an_earlier_upload_left_goes_and_what_others_wrote_stays(hub, checkpoints):
    push(checkpoints[0])
    stale = {"codec/old.json": b"{}", "samples/9_carl.wav": b"", "modeling_tts_trm_old.py": b""}
    hub.repositories[REPO].add("by hand", head_of(hub) | stale | {"listening_test.md": b"good"})
    push(checkpoints[1])
    assert not stale.keys() & head_of(hub).keys() and head_of(hub)["listening_test.md"] == b"good"
    assert len(hub.repositories[REPO].commits) == 4


def test_a_run_s_random_numbers_are_not_touched(hub, checkpoints):
    before = torch.get_rng_state()
    push(checkpoints[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_large_weights_travel_in_parts(checkpoints, monkeypatch):
    with HubStandIn(part_size=20_000) as hub:
        hub.connect(monkeypatch)
        push(checkpoints[0])
        assert head_of(hub)["model.safetensors"] == (checkpoints[0] / "model.safetensors").read_bytes()
        assert hub.requests.count("complete") >= 1


def test_the_command(hub, checkpoints, capsys, caplog):
    arguments = ["--model", str(checkpoints[0]), "--repo", "voice", "--private"]
    assert push_to_hub.main(arguments) == 0
    assert hub.repositories[REPO].private
    oid = hub.repositories[REPO].commits[-1].oid
    assert f'from_pretrained("{REPO}", revision="{oid}"' in capsys.readouterr().out
    # Again: nothing is new, and nothing is committed.
    assert push_to_hub.main(arguments) == 0
    assert hub.repositories[REPO].commits[-1].oid == oid and oid in capsys.readouterr().out

    assert push_to_hub.main(["--model", str(checkpoints[0]), "--repo", "somebody/voice"]) == 1
    error = capsys.readouterr().err
    assert (
        error.startswith(f"error: {checkpoints[0]}: was not uploaded to somebody/voice (") and "hf auth login" in error
    )
    assert push_to_hub.main(["--model", str(ROOT / "docs"), "--repo", REPO]) == 1
    assert "has no README.md; give a checkpoint folder" in capsys.readouterr().err
    assert push_to_hub.main(["--model", str(checkpoints[0]), "--repo", "a/b/c"]) == 1
    assert "a/b/c" in capsys.readouterr().err
    assert TOKEN not in caplog.text + error


# -- failures -------------------------------------------------------------------------------------------------------


@pytest.fixture
def silent(monkeypatch, checkpoints, tmp_path) -> list[Path]:
    """The checkpoints with cards that ask for no samples: what fails here is the way to the Hub."""
    folders = [shutil.copytree(folder, tmp_path / folder.name) for folder in checkpoints]
    for folder in folders:
        card = ModelCard.load(folder / "README.md")
        del card.data.widget
        card.save(folder / "README.md")
    return folders


@pytest.mark.parametrize("call", CALLS)
def test_whatever_fails_for_good_the_repository_is_old_or_new(hub, silent, monkeypatch, caplog, call):
    monkeypatch.setattr(upload, "WAITS", (1,))
    old, new = silent
    assert upload.push_checkpoint(new, REPO, "new")
    as_new = head_of(hub)
    del hub.repositories[REPO]
    assert upload.push_checkpoint(old, REPO, "old")
    as_old, before = head_of(hub), copy.deepcopy(hub.repositories[REPO])
    for way in WAYS:
        hub.heal()
        hub.repositories[REPO] = copy.deepcopy(before)
        caplog.clear()
        hub.fail(call, way)
        arrived = upload.push_checkpoint(new, REPO, "new")
        assert head_of(hub) in (as_old, as_new), way
        assert len(hub.repositories[REPO].commits) - len(before.commits) == (head_of(hub) == as_new), way
        if arrived:
            assert head_of(hub) == as_new, way
        else:
            assert f"was not uploaded to {REPO} (" in caplog.text
            assert f"python scripts/push_to_hub.py --model {new} --repo {REPO}" in caplog.text
        assert TOKEN not in caplog.text


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("way", [503, "drop", "lost", "truncate"])
def test_what_passes_is_waited_for(hub, silent, call, way):
    hub.fail(call, way, times=2)
    push(silent[0])
    assert [commit.message for commit in hub.repositories[REPO].commits] == ["initial commit", "Upload voice"]
    assert head_of(hub)["model.safetensors"] == (silent[0] / "model.safetensors").read_bytes()
    assert hub.waits == sorted(hub.waits)
    # Else it may have arrived, or half an answer is enough.
    if way in (503, "drop"):
        assert len(hub.waits) == 2


def test_attempts_are_counted(hub, silent):
    hub.fail("commit", 503)
    with pytest.raises(upload.PublishingError, match="503"):
        push(silent[0])
    assert hub.requests.count("commit") == len(upload.WAITS) + 1 and hub.waits == list(upload.WAITS)
    # Files that have arrived are not sent again.
    assert hub.requests.count("upload") == 2


def test_a_card_that_the_hub_refuses_is_reported_at_once(hub, silent):
    card = ModelCard.load(silent[0] / "README.md")
    card.data.language = "english"
    card.save(silent[0] / "README.md")
    with pytest.raises(upload.PublishingError, match="Invalid metadata in README.md.* english is not ISO 639"):
        push(silent[0])
    assert not hub.waits and "upload" not in hub.requests


def test_a_hub_that_does_not_answer_is_left_in_time(hub, silent, monkeypatch):
    monkeypatch.setattr(upload, "TIME_LIMIT", 0.3)
    hub.fail("commit", "stall", times=1)
    push(silent[0])
    assert hub.requests.count("commit") == 2 and len(hub.repositories[REPO].commits) == 2


def test_a_commit_that_came_between_is_not_undone(hub, silent, monkeypatch):
    push(silent[0])
    answer = hub.preupload

    def overtaken(request, **parts):
        monkeypatch.setattr(hub, "preupload", answer)
        hub.repositories[REPO].add("between", head_of(hub) | {"config.json": b"{}", "thanks.md": b"to all"})
        return answer(request, **parts)

    monkeypatch.setattr(hub, "preupload", overtaken)
    push(silent[1])
    assert [commit.message for commit in hub.repositories[REPO].commits][2:] == ["between", "Upload voice"]
    for name in ("config.json", "model.safetensors"):
        assert head_of(hub)[name] == (silent[1] / name).read_bytes()
    assert head_of(hub)["thanks.md"] == b"to all"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("PUT https://s3/x?X-Amz-Signature=abc failed", "PUT https://s3/x failed"),
        ("{'Authorization': 'Bearer abc.def'} was refused", "{'Authorization': 'Bearer ***'} was refused"),
        (f"authorization: bearer {TOKEN}", "authorization: bearer ***"),
        (f"GET https://me:{TOKEN}@hub/x", "GET https://hub/x"),
        (f"the token {TOKEN} has expired", "the token *** has expired"),
    ],
)
def test_nothing_secret_is_shown(told, shown, monkeypatch, checkpoints, caplog):
    assert upload.reason(OSError(told)) == f"OSError: {shown}"

    def fail(*arguments):
        raise RuntimeError(told)

    monkeypatch.setattr(upload, "push_voice", fail)
    assert not upload.push_checkpoint(checkpoints[0], REPO, "message") and shown in caplog.text


# -- loading --------------------------------------------------------------------------------------------------------

STRANGER = """
import os, runpy, sys
import torch
from transformers import AutoModel, AutoProcessor, pipeline

torch.set_num_threads(1)
repo, old, new, clone, results = sys.argv[1:]
result = {}
for name, revision in (("old", old), ("new", new), ("main", "main")):
    model = AutoModel.from_pretrained(repo, revision=revision, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(repo, revision=revision, trust_remote_code=True)
    audio = processor.decode(model.generate(**processor(text="Hello there.", speaker="bert")))[0]
    result[name] = model.state_dict() | {"audio": audio}
speech = pipeline("text-to-speech", model=repo, revision=old, trust_remote_code=True)
spoken = speech("Hello there.", preprocess_params={"speaker": "bert"})
result["pipeline"] = torch.as_tensor(spoken["audio"])
model.push_to_hub("me/two-commits")
processor.push_to_hub("me/two-commits")
assert "tts_trm" not in sys.modules

runpy.run_path(clone)
from tts_trm.speaking.voice import Voice, VoiceError
voice = Voice.from_pretrained(repo, revision=old)
result["voice"] = voice.model.state_dict() | {"audio": voice.synthesize("Hello there.", "bert").waveform}
result["both"] = Voice.from_pretrained("me/two-commits").model.state_dict()
result["errors"] = {}
for name, revision in (("me/unknown", None), (repo, "no-such-branch"), ("me/private", None)):
    os.environ.pop("HF_TOKEN" if name == "me/private" else "", None)
    try:
        Voice.from_pretrained(name, revision=revision)
    except VoiceError as error:
        result["errors"][name] = str(error)
torch.save(result, results)
"""


@pytest.fixture(scope="module")
def loaded(checkpoints, tmp_path_factory):
    """Two revisions loaded by id in a process that knows nothing of this package, over a line that breaks."""
    folder, patch = tmp_path_factory.mktemp("stranger"), pytest.MonkeyPatch()
    with HubStandIn() as hub, patch.context() as context:
        hub.connect(context)
        revisions = [push(checkpoint).oid for checkpoint in checkpoints]
        hub.repositories["me/private"] = copy.deepcopy(hub.repositories[REPO])
        hub.repositories["me/private"].private = True
        hub.fail("download", "truncate", times=1)
        hub.fail("download", "truncate", first=4, times=2)
        (folder / "stranger.py").write_text(STRANGER)
        arguments = [REPO, *revisions, ROOT / "scripts" / "_clone.py", folder / "results.pt"]
        done = subprocess.run(
            [sys.executable, folder / "stranger.py", *map(str, arguments)],
            cwd=folder,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | hub.environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        yield torch.load(folder / "results.pt"), hub


def test_a_pinned_revision_stays_what_it_was(loaded, checkpoints):
    result, _ = loaded
    for name, checkpoint in (("old", 0), ("new", 1), ("main", 1), ("voice", 0)):
        for key, value in load_file(checkpoints[checkpoint] / "model.safetensors").items():
            assert torch.equal(result[name][key], value), (name, key)
    assert torch.equal(result["new"]["audio"], result["main"]["audio"])
    assert result["old"]["audio"].shape != result["new"]["audio"].shape or not torch.equal(
        result["old"]["audio"], result["new"]["audio"]
    )
    torch.testing.assert_close(result["pipeline"].reshape(-1), result["old"]["audio"], atol=1e-5, rtol=0)
    assert len(result["voice"]["audio"]) > 1000


def test_what_is_not_there_or_private_is_named(loaded):
    errors = loaded[0]["errors"]
    for name in ("me/unknown", "me/private"):
        assert f"{name}: cannot be loaded (" in errors[name] and "hf auth login" in errors[name]
    assert f"{REPO}: cannot be loaded (" in errors[REPO] and "no-such-branch" in errors[REPO]


def test_the_library_s_own_way_is_two_commits_with_everything_but_samples(loaded):
    result, hub = loaded
    commits = hub.repositories["me/two-commits"].commits
    assert [commit.message for commit in commits[1:]] == ["Upload model", "Upload processor"]
    assert set(head_of(hub)) - set(commits[-1].files) == {"samples/1_anna.wav", "samples/2_bert.wav"}
    assert all(torch.equal(value, result["new"][key]) for key, value in result["both"].items())


# -- cards ----------------------------------------------------------------------------------------------------------


def test_the_bundled_voice_is_what_the_command_writes(tmp_path, hub):
    folder, results = ROOT / "pretrained/tts-trm-mini", ROOT / "docs/results/tts-trm-mini.json"
    command = ["--checkpoint", folder, "--output-dir", tmp_path, "--notes", ROOT / "configs/tts-trm-mini.md"]
    assert export_voice.main(list(map(str, [*command, "--evaluation", results]))) == 0
    for name in ("README.md", "config.json", "model.safetensors", "codec/model.safetensors"):
        again = f"{name}: make the voice's folder again by the command in docs/hub.md"
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), again
    evaluation, text = json.loads(results.read_text()), (tmp_path / "README.md").read_text()
    card = ModelCard(text)
    card.validate()
    values = {(each.dataset_type, each.metric_type): each.metric_value for each in card.data.eval_results}
    for speaker, measured in evaluation["speakers"].items():
        model = measured["systems"]["model"]
        assert values[speaker, "mcd"] == round(model["mel_cepstral_distance"], 2)
        assert values.get((speaker, "wer")) == (
            round(100 * model["word_error_rate"], 1) if "word_error_rate" in model else None
        )
    assert card.data.language == ["de", "en", "es", "fr", "it", "pt"] and card.data.license == "apache-2.0"


def test_notes_decide_what_only_people_know(tiny_voice, tmp_path):
    model, processor = TtsTrmModel.from_pretrained(tiny_voice), TtsTrmProcessor.from_pretrained(tiny_voice)
    write_model_card(tmp_path, model, processor, datasets=["keithito/lj_speech"], base_model=None)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.datasets == ["keithito/lj_speech"] and card.data.license is None
    notes = "---\nlicense: cc-by-4.0\nwidget:\n- text: Moin.\n  example_title: bert\n---\nSpoken by Bert."
    write_model_card(tmp_path, model, processor, notes=notes)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "cc-by-4.0" and "Spoken by Bert." in card.text
    assert card.data.widget == [{"text": "Moin.", "example_title": "bert"}]
    with pytest.raises(CardError, match="metadata of the notes"):
        write_model_card(tmp_path, model, processor, notes="---\n- a\n---\n")


def test_an_evaluation_that_is_none_is_named(tmp_path, tiny_voice, capsys):
    path = tmp_path / "results.json"
    command = ["--checkpoint", str(tiny_voice), "--output-dir", str(tmp_path / "out"), "--evaluation", str(path)]
    for content in (None, "{", "{}", '{"recognizer": "none", "speaker_encoder": "none", "speakers": {"anna": {}}}'):
        if content:
            path.write_text(content)
        assert export_voice.main(command) == 1
        assert capsys.readouterr().err.startswith(f"error: {path}: ")
    assert not (tmp_path / "out").exists()


def test_the_citation_is_that_of_the_cards():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    card = (ROOT / "pretrained/tts-trm-mini/README.md").read_text()
    assert citation["version"] == tts_trm.__version__ and f"version = {{{tts_trm.__version__}}}" in card
    assert re.search(r"title = \{(.+)\}", card)[1] == citation["title"]


def test_an_export_leaves_the_loaded_codec_in_float32(tiny_voice, tmp_path):
    codec = TtsTrmProcessor.from_pretrained(tiny_voice).codec_model
    assert export_voice.main(["--checkpoint", str(tiny_voice), "--output-dir", str(tmp_path / "exported")]) == 0
    assert {parameter.dtype for parameter in codec.parameters()} == {torch.float32}
    assert load_file(tmp_path / "exported" / "codec" / "model.safetensors")["codebooks"].dtype == torch.float16
