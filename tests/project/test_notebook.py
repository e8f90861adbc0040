"""The notebook runs from top to bottom as it is committed, and one hears something."""

import base64
import io
import os
import re

import numpy as np
import pytest
import soundfile
from pages import ROOT

nbclient = pytest.importorskip("nbclient", reason="running the notebook needs pip install '.[docs]'")
import nbformat  # noqa: E402  (comes with nbclient)

NOTEBOOK = ROOT / "notebooks" / "tts_trm.ipynb"


@pytest.fixture(scope="module")
def executed():
    """The notebook after its run, offline, from its own folder; a cell that fails raises."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute(env=environment)
    return notebook


def outputs(notebook, kind: str) -> list:
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                found.append(output["data"][kind])
    return found


def test_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def test_every_player_has_speech(executed):
    players = [re.search(r"base64,([^\"]+)", html) for html in outputs(executed, "text/html") if "<audio" in html]
    assert len(players) >= 10
    for player in players:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(player[1])))
        assert rate == 24_000 and len(samples) > rate / 2
        assert np.sqrt(np.mean(samples**2)) > 0.003


def test_pictures_and_texts_came_out(executed):
    assert len(outputs(executed, "image/png")) >= 3
    text = "".join(output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []))
    for expected in ("parameters; speakers: heart", "$24.", "-->", "3 cycle(s)", "step 40/40", "voice: "):
        assert expected in text, expected


def test_links_lead_somewhere():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose)
    assert links
    for link in links:
        assert (NOTEBOOK.parent / link).exists(), link
